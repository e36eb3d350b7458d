# The commands of an HLS tool, as far as the build uses them: what they were given is checked and kept, nothing is synthesized.
#
#   tclsh hls.tcl <tool> <release> <script>
#
# Prints `ERROR: …` and exits with 1 where the tool would; on success a line `state <dict>` per csynth, export and cosim.

lassign $argv tool release script
set argv {}
set state [dict create files {} benches {} directives {} configuration {}]

proc fail {text} { puts "ERROR: $text"; exit 1 }
proc at_least {name} { expr {$::release >= $name} }
proc keep {name args} { dict set ::state $name {*}$args }

# Options that take a value, flags, then positional words between least and most.
proc options {command words valued flags least most} {
    set found {}
    set rest {}
    while {$words ne ""} {
        set words [lassign $words word]
        if {$word in $valued} {
            if {$words eq ""} { fail "\[HLS 200-101\] $command: option '$word' needs a value" }
            set words [lassign $words value]
            dict set found $word $value
        } elseif {$word in $flags} {
            dict set found $word 1
        } elseif {[string match -* $word]} {
            fail "\[HLS 200-101\] $command: Unknown option '$word'."
        } else { lappend rest $word }
    }
    if {[llength $rest] < $least || [llength $rest] > $most} { fail "\[HLS 200-101\] $command: wrong number of arguments: $rest" }
    return [list $found $rest]
}

proc open_project {args} {
    lassign [options open_project $args {} {-reset} 1 1] found rest
    if {[dict exists $found -reset]} { file delete -force $rest } elseif {![file isdirectory $rest]} {
        fail "\[HLS 200-101\] Project '$rest' does not exist."
    }
    file mkdir $rest
    keep project $rest
}
proc set_top {name} { keep top $name }
proc add_files {args} {
    lassign [options add_files $args {-cflags} {-tb} 1 99] found rest
    foreach file [concat {*}$rest] {
        if {![file exists $file]} { fail "\[HLS 200-70\] Cannot find source file '$file'" }
        dict lappend ::state [expr {[dict exists $found -tb] ? "benches" : "files"}] $file
    }
    set flags [expr {[dict exists $found -cflags] ? [dict get $found -cflags] : ""}]
    # Stored with the project as they are; what Tcl had to expand is expanded by now.
    keep [expr {[dict exists $found -tb] ? "benchflags" : "cflags"}] $flags
    foreach flag $flags {
        if {![string match -I* $flag] && $flag ni {-std=c++14 -DAP_INT_MAX_W=4096}} { fail "\[HLS 200-70\] unexpected flag $flag" }
    }
}
proc open_solution {args} {
    set valued [expr {[at_least 2020.2] ? {-flow_target} : {}}]
    lassign [options open_solution $args $valued {-reset} 1 1] found rest
    if {[at_least 2020.2] && [dict exists $found -flow_target] && [dict get $found -flow_target] ne "vivado"} { fail "\[HLS 200-101\] flow_target" }
    set folder [dict get $::state project]/$rest
    if {![dict exists $found -reset] && ![file isdirectory $folder]} { fail "\[HLS 200-101\] Solution '$rest' does not exist." }
    file mkdir $folder
    keep solution $folder
}
proc set_part {name} {
    if {![regexp {^xcu(200|250|280|50|55c)-[a-z]+\d+-2L?-e$} $name]} { fail "\[HLS 200-1023\] Part '$name' is not installed." }
    keep part $name
}
proc create_clock {args} {
    lassign [options create_clock $args {-period -name} {} 0 0] found
    keep period [dict get $found -period]
}
proc set_clock_uncertainty {value} {
    if {![string is double -strict $value]} { fail "\[HLS 200-101\] set_clock_uncertainty: $value" }
    keep uncertainty $value
}
proc config_rtl {args} {
    if {[at_least 2020.2]} { set known {{-deadlock_detection} {-module_auto_prefix}} } else { set known {{-prefix} {-auto_prefix}} }
    options config_rtl $args {*}$known 0 0
    dict lappend ::state configuration "config_rtl $args"
}
proc config_interface {args} {
    options config_interface $args {} {-m_axi_addr64} 0 0
    dict lappend ::state configuration "config_interface $args"
}
proc directive {command location variable} {
    if {$location ne [dict get $::state top]} { fail "\[HLS 200-101\] $command: cannot find location '$location'" }
    set text ""
    foreach name [glob *.h *.cpp] { set file [open $name]; append text [read $file]; close $file }
    if {![regexp "\\m$variable\\s*(\\\[|\\()" $text]} { fail "\[HLS 207-5556\] $command: no variable '$variable' in '$location'" }
    dict lappend ::state directives $variable
}
proc set_directive_resource {args} {
    if {[at_least 2020.2]} { fail "\[HLS 200-101\] set_directive_resource is deprecated: use set_directive_bind_storage" }
    lassign [options set_directive_resource $args {-core} {} 2 2] found rest
    if {[dict get $found -core] ni {ROM_1P_LUTRAM ROM_1P_BRAM FIFO_LUTRAM FIFO_SRL FIFO_BRAM FIFO_URAM}} {
        fail "\[HLS 200-101\] no core [dict get $found -core]"
    }
    directive set_directive_resource {*}$rest
}
proc set_directive_bind_storage {args} {
    if {![at_least 2020.2]} { fail "invalid command name \"set_directive_bind_storage\"" }
    lassign [options set_directive_bind_storage $args {-type -impl -latency} {} 2 2] found rest
    set offered {rom_1p {lutram bram uram} fifo {lutram srl bram uram memory}}
    if {![dict exists $offered [dict get $found -type]] || [dict get $found -impl] ni [dict get $offered [dict get $found -type]]} {
        fail "\[HLS 200-101\] set_directive_bind_storage: no [dict get $found -impl] for [dict get $found -type]"
    }
    directive set_directive_bind_storage {*}$rest
}
proc csynth_design {} {
    foreach name {project solution top part period uncertainty} {
        if {![dict exists $::state $name]} { fail "\[HLS 200-101\] csynth_design: no $name was set" }
    }
    puts "state csynth $::state"
}
proc export_design {args} {
    set valued {-format -rtl -vendor -library -ipname -version -display_name -description}
    if {[at_least 2020.2]} { lappend valued -output -flow } else { lappend valued -flow }
    lassign [options export_design $args $valued {} 0 0] found
    if {[dict get $found -format] ne "ip_catalog"} { fail "\[HLS 200-101\] export_design: format [dict get $found -format]" }
    foreach name {-vendor -library -ipname -version} { keep [string range $name 1 end] [dict get $found $name] }
    puts "state export $::state"
}
proc cosim_design {args} {
    lassign [options cosim_design $args {-rtl -argv -tool -trace_level} {-O -setup} 0 0] found
    if {[dict get $::state benches] eq ""} { fail "\[COSIM 212-302\] no test bench" }
    if {![file isdirectory [dict get $::state solution]/syn]} { fail "\[COSIM 212-2\] the design was not synthesized" }
    lassign [dict get $found -argv] vectors frames rtl
    if {![file isdirectory $vectors] || ![string is integer -strict $frames] || $rtl ne "rtl"} { fail "\[COSIM 212-361\] bench arguments [dict get $found -argv]" }
    keep frames $frames
    puts "state cosim $::state"
}
proc unknown {name args} { fail "invalid command name \"$name\"" }

set ended 0
rename exit leave
proc exit {{status 0}} { set ::ended 1; if {$status != 0} { leave $status } }
if {[catch { source $script } message]} { fail $message }
if {!$ended} { puts "ERROR: the script does not end with exit: the tool would wait for input"; leave 1 }
leave 0
