# Runs generated Tcl against a model of the Vivado commands it uses, and says what Vivado would stumble on.
#
#   tclsh run.tcl <folder> <script>...   with facts on standard input: see below, and ipi/check.py
#
# The scripts run in a safe interpreter, each in a fresh one, as each is a Vivado run of its own; files they write exist for the
# next one, in the model only. The model is by hand and holds documented behaviour, no more: it finds names that do not exist,
# connections that are missing or double, widths that differ, values an IP does not offer. A script that passes can still fail
# in Vivado, by timing, licences, a release's own rules.
#
# Answer, a line each, words separated by tabs:
#   finding where via what why fix command     the command is Vivado's; empty where the Tcl itself is wrong
#   count name number
#   cell name slr where, stream source sink where     of the block design
#   placed cell pblock
#   file path content command     there is in the end; the command that wrote it is empty where it was there before
#   said text     what the scripts print

set here [file dirname [file normalize [info script]]]
namespace eval vivado { namespace eval ipx {}; namespace eval sdx_memory_subsystem {} }
foreach part {core catalog block_design project packager implementation} { source [file join $here $part.tcl] }

# --- facts: release, part, kernel, products and IPs of the design; cells, pblocks and on-chip memories of the linked one

proc fact_release {name} { set model::release $name }
proc fact_part {name} { set model::part $name }
# An IP, and the folder it lies in; one without a folder is in the catalog whatever repositories the script names.
proc fact_ip {vlnv ports {folder ""}} {
    model::define_hls_ip $vlnv $ports [expr {$folder eq "" ? "" : [file join $model::folder $folder]}]
}
# kernel.xml: attributes, {port mode}, and per argument {name offset size port qualifier}.
proc fact_kernel {path attributes ports arguments} {
    set model::kernel [dict merge $attributes [dict create path $path ports $ports arguments $arguments]]
}
# A file that is there before the scripts run, with what the model knows of it.
proc fact_file {path content} { dict set model::files $path $content }
proc fact_arguments {words} { set ::arguments $words }
proc fact_strict {} { set model::strict 1 }
proc fact_product {script name} { lappend model::products $script $name }
proc fact_platform {memories} { set model::memories $memories }
proc fact_netlist {cells pblocks} { lassign [list $cells $pblocks] model::netlist model::pblocks }

# --- the interpreter a script runs in

proc commands {} {
    set names {}
    foreach space {::vivado ::vivado::ipx ::vivado::sdx_memory_subsystem} {
        foreach name [info procs ${space}::*] { lappend names [string range $name [string length ::vivado::] end] }
    }
    return $names
}

# Vivado's own commands a hand-written proc must not be named after, besides those modelled.
set reserved {
    close_design create_cell create_net create_pin create_port current_design
    open_checkpoint place_cell place_design place_ports phys_opt_design report_timing route_design opt_design
    synth_design start_gui stop_gui open_project save_project_as reset_project refresh_design
    rename_ref resize_pblock set_part current_fileset create_fileset get_filesets get_nets get_pins
}

proc new_interpreter {} {
    catch { interp delete vivado }
    interp create -safe vivado
    interp eval vivado { namespace eval ipx {}; namespace eval sdx_memory_subsystem {} }
    foreach name [commands] { interp alias vivado $name {} ::guarded ::vivado::$name }
    interp alias vivado puts {} ::said
    interp alias vivado source {} ::sourced
    interp alias vivado unknown {} ::unknown_command
    interp alias vivado exit {} ::ignored
    interp eval vivado [list set argv $::arguments]
    interp eval vivado [list set argc [llength $::arguments]]
}

# A call with the wrong number of words is the script's fault, not the model's.
proc guarded {command args} {
    set model::command [string range $command 10 end]
    set failed [catch { $command {*}$args } value options]
    if {$failed && [string match "wrong # args*" $value] && [llength [split [dict get $options -errorinfo] \n]] <= 5} {
        set value [model::report "$model::command: wrong number of words" $value "correct the call"]
        set failed 0
    }
    set model::command ""
    if {$failed} { return -options $options $value }
    if {$model::strict && $model::findings ne ""} { error "stopped" }
    return $value
}

proc ignored {args} { return "" }

proc said {args} { answer said [lindex $args end] }

proc unknown_command {name args} {
    model::report "unknown command $name" "neither Tcl nor the model of Vivado has it" \
        "correct the name; if Vivado has it, add it to ipi/model"
}

proc sourced {path} {
    set path [model::relative $path]
    if {![file exists [file join $model::folder $path]]} { return [model::report "source: no file $path" "it is read here" \
        "generate it, or correct the path"] }
    set before [commands]
    interp invokehidden vivado source [file join $model::folder $path]
    set ::procs [interp eval vivado { info procs }]
    foreach name $::procs {
        if {$name in $before || $name in $::reserved} {
            model::report "proc $name in $path" "Vivado has a command of that name, which it would replace" "rename the proc"
        }
    }
    interp eval vivado [list info script [file join $model::folder $model::script]]
    return ""
}

# --- a script, call by call: after an error the next call still gets its turn, so that one run tells all. Tells whether it is there

proc run_script {script} {
    set model::script $script
    model::reset
    model::reset_block_design
    model::open_platform
    new_interpreter
    set path [file join $model::folder $script]
    if {[catch { open $path } channel]} {
        set model::place $script
        model::report "no file $script" "there is nothing to check" "generate it"
        return 0
    }
    set lines [split [read $channel] \n]
    close $channel
    interp eval vivado [list info script $path]
    set call ""
    set number 0
    foreach line $lines {
        incr number
        if {$call eq ""} { set model::place $script:$number }
        append call $line \n
        if {![info complete $call]} continue
        set text $call
        set call ""
        set failed [catch { interp eval vivado $text } message options]
        set model::command ""
        if {$model::strict && $model::findings ne ""} { return 1 }
        if {$failed} {
            set why "[failed_in $options] stops with it"
            set fix "correct the call"
            # The hand-written procs say all three themselves. Vivado would print the message as it is.
            if {!$model::strict} { regexp {^ERROR: (.*)\n  why: (.*)\n  fix: (.*)$} $message all message why fix }
            model::report $message $why $fix $model::place
            if {$model::strict} { return 1 }
        }
    }
    if {$call ne ""} { model::report "the call does not end" "a brace, bracket or quote stands open" "close it" $model::place }
    return 1
}

# The proc an error comes from.
proc failed_in {options} {
    if {[regexp {\(procedure "([^"]+)"} [dict get $options -errorinfo] all name]} { return $name }
    return "the script"
}

proc answer {args} {
    puts [join [lmap word $args { string map {\\ \\\\ \t \\t \n \\n} $word }] \t]
}

set model::folder [file normalize [lindex $argv 0]]
set arguments {}
foreach name {part products netlist pblocks kernel memories} { if {![info exists model::$name]} { set model::$name {} } }
eval [read stdin]
set counts {}
foreach script [lrange $argv 1 end] {
    if {![run_script $script]} continue
    if {$model::design ne ""} { lappend counts {*}[model::summary] }
    lappend counts {*}[model::placements]
    set missing 0
    foreach {writer product} $model::products {
        if {$writer eq $script && ![model::file_exists $product]} {
            set missing 1
            model::report "nothing wrote $product" "it is what the script is for" "mend what stops it, or put the missing call back" $script
        }
    }
    # The next one would only say the same again.
    if {$missing} break
}
foreach finding $model::findings { answer finding {*}$finding }
foreach line $counts { answer {*}$line }
dict for {path content} $model::files {
    answer file $path $content [model::option $model::writers $path ""]
}
