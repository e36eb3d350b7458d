# Projects, files, synthesis runs and what they write (UG835). Files exist here only in the model: nothing is written.

proc model::option {options name default} { return [expr {[dict exists $options $name] ? [dict get $options $name] : $default}] }

# --- files

proc model::write_file {path content {writer ""}} {
    variable files
    variable writers
    variable command
    dict set files [relative $path] $content
    dict set writers [relative $path] [expr {$writer eq "" ? $command : $writer}]
}

proc model::delete_files {path} {
    variable files
    variable writers
    set path [relative $path]
    foreach name [concat [dict keys $files $path] [dict keys $files $path/*]] {
        dict unset files $name
        dict unset writers $name
    }
}

# Paths below the scripts' folder as written there.
proc model::relative {path} {
    variable folder
    set path [file normalize [file join $folder $path]]
    return [expr {[string match $folder/* $path] ? [string range $path [string length $folder/] end] : $path}]
}

proc model::file_exists {path} {
    variable files
    set path [relative $path]
    return [expr {[dict exists $files $path] || [dict keys $files $path/*] ne ""}]
}

proc model::need_file {command path} {
    if {[file_exists $path]} { return 1 }
    report "$command: no file [relative $path]" "nothing before has written it" "write it first, or correct the path"
    return 0
}

# What scripts use of `file`; a safe interpreter has none of its own.
proc vivado::file {command args} {
    set args [lmap word $args { if {$word in {-force --}} continue; set word }]
    switch $command {
        dirname - join - normalize - tail - rootname - extension { return [::file $command {*}$args] }
        exists - isfile - isdirectory { return [model::file_exists [lindex $args 0]] }
        mkdir { return "" }
        delete {
            foreach path $args { model::delete_files $path }
            return ""
        }
        copy - rename {
            lassign $args source target
            if {![model::need_file "file $command" $source]} { return "" }
            set source [model::relative $source]
            model::write_file $target [dict get $model::files $source] [model::option $model::writers $source copy]
            if {$command eq "rename"} { model::delete_files $source }
            return ""
        }
    }
    model::report "file $command: not known here" "the model has dirname, join, normalize, tail, exists, mkdir, delete, copy" \
        "use one of those, or add it to ipi/model/project.tcl"
}

# --- projects

proc vivado::create_project {args} {
    lassign [model::options create_project $args {-part} {-force -in_memory}] options rest
    set model::repositories {}
    set part [model::option $options -part ""]
    if {$part ne $model::part} {
        model::report "create_project: no part $part" "this design is for $model::part" "correct the part"
    }
    if {$model::project ne ""} { model::report "create_project: project $model::project is open" "one project at a time" "close it first" }
    set model::project [lindex $rest 0]
    set file [lindex $rest 1]/$model::project.xpr
    if {[model::file_exists $file] && ![dict exists $options -force]} {
        model::report "create_project: [model::relative $file] exists" "it does not overwrite" "give -force"
    }
    model::delete_files [lindex $rest 1]
    model::write_file $file {}
    model::create $model::project project PART $part DIRECTORY [model::relative [lindex $rest 1]]
    model::create synth_1 run PROGRESS 0% STATUS "Not started" DIRECTORY [model::relative [lindex $rest 1]]/$model::project.runs/synth_1
    return $model::project
}

proc model::in_project {command} {
    variable project
    if {$project eq ""} { report "$command: no project is open" "it works on one" "call create_project first" }
    return [expr {$project ne ""}]
}

proc vivado::current_project {args} { return [expr {[model::in_project current_project] ? $model::project : ""}] }

proc vivado::close_project {args} {
    lassign [model::options close_project $args {} {-delete}] options
    if {[model::in_project close_project]} {
        if {[dict exists $options -delete]} { model::delete_files [model::get $model::project DIRECTORY] }
        model::remove $model::project
        if {[model::exists synth_1]} { model::remove synth_1 }
        set model::project ""
    }
    return ""
}

proc vivado::update_ip_catalog {args} {
    model::options update_ip_catalog $args {-repo_path} {-rebuild}
    if {[model::in_project update_ip_catalog]} {
        set model::repositories [lmap path [model::get $model::project IP_REPO_PATHS] { ::file normalize [::file join $model::folder $path] }]
    }
    return ""
}

proc vivado::get_parts {args} {
    lassign [model::options get_parts $args {-filter}] options name
    if {$name ne $model::part} { return [model::report "get_parts: no part $name" "this design is for $model::part" "correct the part"] }
    return [model::create $name part FAMILY virtexuplus]
}

proc vivado::get_files {args} { return [model::find get_files file $args file] }
proc vivado::get_runs {args} { return [model::find get_runs run $args run] }

proc vivado::add_files {args} {
    lassign [model::options add_files $args {-fileset -copy_to} {-norecurse}] options paths
    model::in_project add_files
    foreach path [concat {*}$paths] {
        if {[model::need_file add_files $path]} { model::create [model::relative $path] file }
    }
    return ""
}

proc vivado::update_compile_order {args} {
    model::options update_compile_order $args {-fileset}
    return ""
}

# --- from the block design to its netlist

proc vivado::make_wrapper {args} {
    lassign [model::options make_wrapper $args {-files -fileset} {-import -top -force}] options
    if {![model::in_project make_wrapper]} { return "" }
    if {![model::exists $model::design.bd] || [model::option $options -files ""] ne "$model::design.bd"} {
        return [model::report "make_wrapper: no block design" "it writes the module around one" "give -files \[get_files <name>.bd\]"]
    }
    if {!$model::validated} {
        model::report "make_wrapper: $model::design is not validated" "synthesis would meet what validation finds" \
            "call validate_bd_design first"
        vivado::validate_bd_design
    }
    if {!$model::saved} { model::report "make_wrapper: $model::design is not saved" "it reads the file" "call save_bd_design first" }
    if {![dict exists $options -import] || ![dict exists $options -top]} {
        model::report "make_wrapper: the wrapper is not the top of the project" "synthesis starts there" "give -import -top"
    }
    model::put $model::design.bd TOP 1
    # Up to 2020.1 beside the sources; later releases keep what they generate apart. -import copies it to the sources.
    set kind [expr {[string compare $model::release 2020.2] < 0 ? "srcs" : "gen"}]
    set folder [model::get $model::project DIRECTORY]/$model::project
    model::write_file $folder.$kind/sources_1/bd/$model::design/hdl/${model::design}_wrapper.v {}
    model::write_file $folder.srcs/sources_1/imports/hdl/${model::design}_wrapper.v {}
    return ""
}

proc vivado::launch_runs {args} {
    lassign [model::options launch_runs $args {-jobs -to_step} {-force}] options runs
    foreach run [concat {*}$runs] {
        if {[model::kind $run] ne "run"} { model::report "launch_runs: no run $run" "a project has synth_1" "correct the name"; continue }
        if {[model::get $model::design.bd TOP] eq ""} {
            model::report "launch_runs: $run has no top module" "nothing was added to the project" "call make_wrapper -import -top first"
            continue
        }
        set more [model::get $run {STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS}]
        if {"-mode out_of_context" ne [string trim $more]} {
            model::report "launch_runs: $run is not out of context" "the netlist goes into another design: it must have no I/O buffers" \
                "set {STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS} to -mode out_of_context"
        }
        model::put $run STATUS Running
    }
    return ""
}

proc vivado::wait_on_run {args} {
    lassign [model::options wait_on_run $args {-timeout}] options runs
    foreach run [concat {*}$runs] {
        if {[model::get $run STATUS] ne "Running"} { model::report "wait_on_run: $run was not launched" "there is nothing to wait for" \
            "call launch_runs first"; continue }
        model::put $run STATUS "synth_design Complete!"
        model::put $run PROGRESS 100%
        model::write_file [model::get $run DIRECTORY]/runme.log {}
    }
    return ""
}

proc vivado::open_run {args} {
    lassign [model::options open_run $args {-name}] options run
    if {[model::get $run PROGRESS] ne "100%"} { return [model::report "open_run: $run is not complete" "it was not waited for" \
        "call wait_on_run first"] }
    model::put $model::project OPEN 1
    return ""
}

# Whether there is a netlist: a run's that was opened, or in a hook of the linker the linked one.
proc model::netlist_open {} {
    variable netlist
    variable project
    return [expr {$netlist ne "" || ($project ne "" && [get $project OPEN] ne "")}]
}

# A file of the open netlist; what the packager will see of it: the external interfaces, clock and reset.
proc model::write_netlist {command arguments valued} {
    variable design
    variable netlist
    lassign [options $command $arguments $valued {-force -hierarchical}] options rest
    set path [lindex $rest 0]
    if {![netlist_open]} { return [report "$command: no netlist is open" "it writes the open one" "call open_run first"] }
    if {[dict exists $options -file]} { set path [dict get $options -file] }
    set interfaces {}
    set streams {}
    foreach port [all interface_port] {
        lappend [expr {[get $port PROTOCOL] eq "axis" ? "streams" : "interfaces"}] [read_property $port NAME] [get $port MODE]
    }
    set ports {}
    foreach port [all port] { lappend ports [read_property $port NAME] [get $port TYPE] }
    set cells [lmap cell [all cell] { list [string trimleft $cell /] [get $cell VLNV] }]
    if {$netlist ne ""} { set cells $netlist }
    write_file $path [dict create module ${design}_wrapper interfaces $interfaces streams $streams ports $ports cells $cells \
        periods [lmap clock [all clock] { get $clock PERIOD }]]
    return ""
}

proc vivado::write_verilog {args} { model::write_netlist write_verilog $args {-mode} }
proc vivado::write_checkpoint {args} { model::write_netlist write_checkpoint $args {} }
proc vivado::write_xdc {args} { model::write_netlist write_xdc $args {} }
proc vivado::report_utilization {args} { model::write_netlist report_utilization $args {-file -format -hierarchical_depth} }

# Ports and clocks of the open netlist; out of context no clock has a period until it is given one.
proc vivado::get_ports {args} {
    if {![model::netlist_open]} { return [model::report "get_ports: no netlist is open" "it has the ports" "call open_run first"] }
    foreach port [model::all port] {
        set name [model::read_property $port NAME]
        if {![model::exists net:$name]} { model::create net:$name net_port NAME $name }
    }
    lassign [model::options get_ports $args {-filter}] options names
    set found [lmap port [model::all net_port] { if {[model::get $port NAME] ni $names} continue; set port }]
    if {$found eq "" && ![dict exists $options -quiet]} {
        return [model::report "get_ports: no port $names" \
            "there are [model::several [lmap port [model::all net_port] { model::get $port NAME }]]" "correct the name"]
    }
    return $found
}

proc vivado::create_clock {args} {
    lassign [model::options create_clock $args {-period -name -waveform} {-add}] options ports
    set ports [concat {*}$ports]
    if {$ports eq ""} { return [model::report "create_clock: no port" "a clock comes in through one" "give \[get_ports <name>\]"] }
    set period [model::option $options -period ""]
    if {![string is double -strict $period] || $period <= 0} {
        return [model::report "create_clock: period $period" "it is a number of nanoseconds" "correct it"]
    }
    return [model::create clock:[lindex $ports 0] clock NAME [model::option $options -name [lindex $ports 0]] PERIOD $period]
}

proc vivado::report_timing_summary {args} {
    # The linked design has the platform's clocks.
    if {$model::netlist eq "" && [model::netlist_open] && [model::all clock] eq ""} {
        model::report "report_timing_summary: no clock has a period" "no path would be checked" "call create_clock first"
    }
    return [model::write_netlist report_timing_summary $args {-file -delay_type -max_paths}]
}

# --- properties

proc vivado::get_property {args} {
    lassign [model::options get_property $args {}] options rest
    lassign $rest name objects
    if {$objects eq ""} { return "" }
    return [model::read_property [lindex $objects 0] $name]
}

proc vivado::list_property {args} {
    set object [lindex $args 0]
    if {![model::exists $object]} { return "" }
    return [string tolower [model::known $model::readable [model::kind $object]]]
}

proc vivado::set_property {args} {
    lassign [model::options set_property $args {-dict -name -value -objects}] options rest
    if {[dict exists $options -dict]} {
        set pairs [dict get $options -dict]
        set objects [concat {*}$rest]
    } elseif {[dict exists $options -name]} {
        set pairs [list [dict get $options -name] [model::option $options -value ""]]
        set objects [model::option $options -objects ""]
    } else {
        if {[llength $rest] < 3} { set rest [list {*}$rest {}] }
        set pairs [lrange $rest 0 1]
        set objects [lindex $rest 2]
    }
    if {[llength $pairs] % 2} { return [model::report "set_property: {$pairs} is no list of names and values" \
        "the last name has no value" "give it one"] }
    foreach object $objects {
        foreach {name value} $pairs { model::write_property $object $name $value }
    }
    return ""
}
