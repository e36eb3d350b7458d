# Core of the model: findings, objects with properties, filter expressions.
#
# An object is its name, as in Vivado; the model keeps its class, its properties and where it was created. What is wrong becomes
# a finding, and the script goes on: an empty object stands for one that was reported missing and is ignored from then on.

namespace eval model {
    variable findings {}    ;# {where via what why fix command}, in order
    variable place ""       ;# file:line of the generated call that is being run
    variable folder ""      ;# of the scripts
    variable class          ;# object -> class
    variable order {}       ;# objects, as they were created
    variable property       ;# object,NAME -> value
    variable origin         ;# object -> where it was created
    variable files {}       ;# files there are, with what they hold
    variable writers {}     ;# of those the scripts have written: the command that did
    variable command ""     ;# the command that is being run
    variable strict 0       ;# whether the first finding ends the script, as it does in Vivado
    variable release 2022.2 ;# whose commands and catalog these are
    variable project ""     ;# the open project
    array set class {}
    array set property {}
    array set origin {}
}

# --- findings

proc model::report {what why fix {where ""}} {
    variable findings
    variable place
    variable command
    set via ""
    if {$where eq ""} {
        set where $place
        set via [library_line]
    }
    set finding [list $where $via $what $why $fix $command]
    # A script in a loop says the same again and again.
    if {$finding ni $findings} { lappend findings $finding }
    return ""
}

# The line of the hand-written Tcl the generated call has come to.
proc model::library_line {} {
    for {set level [interp eval vivado {info frame}]} {$level > 0} {incr level -1} {
        if {[catch {interp eval vivado [list info frame $level]} frame]} continue
        if {[dict get $frame type] eq "source" && ![string match */model/* [dict get $frame file]]} {
            return [file tail [dict get $frame file]]:[dict get $frame line]
        }
    }
    return ""
}

# --- objects

proc model::create {object kind args} {
    variable class
    variable property
    variable origin
    variable place
    variable order
    if {![info exists class($object)]} { lappend order $object }
    set class($object) $kind
    set origin($object) $place
    foreach {name value} $args { set property($object,$name) $value }
    return $object
}

proc model::exists {object} {
    variable class
    return [info exists class($object)]
}

proc model::kind {object} {
    variable class
    return [expr {[info exists class($object)] ? $class($object) : ""}]
}

proc model::all {kind} {
    variable class
    variable order
    set found {}
    foreach object $order {
        if {$class($object) eq $kind} { lappend found $object }
    }
    return $found
}

proc model::get {object name {default ""}} {
    variable property
    return [expr {[info exists property($object,$name)] ? $property($object,$name) : $default}]
}

proc model::put {object name value} {
    variable property
    set property($object,$name) $value
}

proc model::remove {object} {
    variable class
    variable property
    variable origin
    variable order
    set order [lsearch -all -inline -not -exact $order $object]
    unset class($object) origin($object)
    array unset property [string map {* \\* ? \\? \[ \\\[ \] \\\]} $object],*
}

# Everything but the files is forgotten: each script is a Vivado run of its own.
proc model::reset {} {
    foreach name {class property origin} {
        variable $name
        array unset $name
    }
    variable project ""
    variable order {}
}

# --- options: `-name value` for those in `valued`, `-flag` for those in `flags`; the rest is positional

proc model::options {command arguments valued {flags {}}} {
    set options {}
    set rest {}
    while {$arguments ne ""} {
        set arguments [lassign $arguments word]
        if {![regexp {^-[a-z_]+$} $word]} {
            lappend rest $word
        } elseif {$word in $valued} {
            if {$arguments eq ""} { report "$command: $word has no value" "it takes one" "write it after $word" }
            set arguments [lassign $arguments value]
            dict set options $word $value
        } elseif {$word in $flags || $word in {-quiet -verbose}} {
            dict set options $word 1
        } else {
            report "$command: no option $word" "the options known are [join [lsort [concat $valued $flags -quiet]] {, }]" \
                "correct it; if the vendor's reference has it, add it to ipi/model"
        }
    }
    return [list $options $rest]
}

# --- objects by name or pattern, as the get_ commands find them

proc model::find {command kind arguments what} {
    lassign [options $command $arguments {-of_objects -filter} {-hierarchical -all}] options patterns
    set scope [all $kind]
    if {[dict exists $options -of_objects]} {
        set owners [dict get $options -of_objects]
        set scope [lmap object $scope { if {[get $object OWNER] ni $owners} continue; set object }]
        if {$owners eq ""} { return "" }
    }
    set found {}
    if {$patterns eq ""} { set patterns * }
    foreach pattern [concat {*}$patterns] {
        set some 0
        foreach object $scope {
            if {[matches $pattern $object] && $object ni $found} {
                lappend found $object
                set some 1
            }
        }
        if {!$some && ![dict exists $options -quiet] && $pattern ne "*"} {
            set names [lmap object $scope { string trimleft $object / }]
            report "$command: no $what $pattern" "there [expr {[llength $names] == 1 ? "is" : "are"}] [several $names]" "correct the name"
        }
    }
    if {[dict exists $options -filter]} {
        set expression [dict get $options -filter]
        set found [lmap object $found { if {![filter $expression $object]} continue; set object }]
    }
    return $found
}

# A block design's objects are paths; the leading slash may be left out. * stops at no slash in a filter, but does in a pattern.
proc model::matches {pattern object} {
    if {$pattern eq "*" || $pattern eq $object || "/$pattern" eq $object} { return 1 }
    set pattern [string trimleft $pattern /]
    set object [string trimleft $object /]
    if {[llength [split $pattern /]] != [llength [split $object /]]} { return 0 }
    return [string match $pattern $object]
}

# At most eight names.
proc model::several {names} {
    if {$names in {"" {{}}}} { return "none" }
    set text [join [lrange $names 0 7] ", "]
    if {[llength $names] > 8} { append text " and [expr {[llength $names] - 8}] more" }
    return $text
}

# --- filter expressions: NAME == value, != =~ !~, && || and parentheses

proc model::filter {expression object} {
    set tokens [regexp -all -inline {&&|\|\||==|!=|=~|!~|[()]|"[^"]*"|\{[^\}]*\}|[^\s()=!&|]+} $expression]
    set value [filter_or tokens $object]
    if {$tokens ne ""} { report "filter {$expression}: stray [lindex $tokens 0]" "the expression ends before it" \
        "join the parts with && or ||" }
    return $value
}

proc model::filter_or {name object} {
    upvar $name tokens
    set value [filter_and tokens $object]
    while {[lindex $tokens 0] eq "||"} {
        set tokens [lrange $tokens 1 end]
        set value [expr {[filter_and tokens $object] || $value}]
    }
    return $value
}

proc model::filter_and {name object} {
    upvar $name tokens
    set value [filter_test tokens $object]
    while {[lindex $tokens 0] eq "&&"} {
        set tokens [lrange $tokens 1 end]
        set value [expr {[filter_test tokens $object] && $value}]
    }
    return $value
}

proc model::filter_test {name object} {
    upvar $name tokens
    if {[lindex $tokens 0] eq "("} {
        set tokens [lrange $tokens 1 end]
        set value [filter_or tokens $object]
        if {[lindex $tokens 0] ne ")"} { report "filter: no )" "a ( stands open" "close it" }
        set tokens [lrange $tokens 1 end]
        return $value
    }
    lassign $tokens property operator wanted
    set tokens [lrange $tokens 3 end]
    set wanted [string trim $wanted "\"{}"]
    if {$operator ni {== != =~ !~}} {
        report "filter: [string trim "$property $operator"] is no test" "a test is NAME == value, with ==, !=, =~ or !~" "correct it"
        return 0
    }
    set actual [read_property $object $property filter]
    switch $operator {
        == { return [expr {$actual eq $wanted}] }
        != { return [expr {$actual ne $wanted}] }
        =~ { return [string match $wanted $actual] }
        !~ { return [expr {![string match $wanted $actual]}] }
    }
}

# --- properties: what a class has, what may be set, and which values an IP takes

namespace eval model {
    # Besides CONFIG.*, of which the catalog knows. `set` ones take any value unless a rule is given.
    variable readable {
        cell {NAME PATH VLNV CONFIG} pin {NAME PATH DIR TYPE} interface {NAME PATH MODE VLNV} port {NAME PATH DIR TYPE}
        interface_port {NAME PATH MODE VLNV} segment {NAME OFFSET RANGE} project {NAME DIRECTORY PART IP_REPO_PATHS}
        run {NAME PROGRESS STATUS DIRECTORY {STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS}} net_port {NAME} clock {NAME PERIOD} file {NAME SYNTH_CHECKPOINT_MODE} part {NAME FAMILY}
        core {
            NAME VERSION VENDOR LIBRARY CORE_REVISION SDX_KERNEL SDX_KERNEL_TYPE XPM_LIBRARIES SUPPORTED_FAMILIES AUTO_FAMILY_SUPPORT_LEVEL
            IPI_DRC VITIS_DRC
        }
        file_group {NAME MODEL_NAME} ip_file {NAME TYPE USED_IN} bus_interface {NAME SLAVE_MEMORY_MAP_REF} memory_map {NAME}
        bus_parameter {NAME VALUE VALUE_RESOLVE_TYPE} register {NAME ADDRESS_OFFSET SIZE DESCRIPTION} register_parameter {NAME VALUE}
        address_block {NAME RANGE} address_space {NAME} user_parameter {NAME} cell_instance {NAME IS_PRIMITIVE USER_SLR_ASSIGNMENT} pblock {NAME}
    }
    variable settable {
        interface_port {NAME any} segment {OFFSET any RANGE any} project {IP_REPO_PATHS any}
        file {SYNTH_CHECKPOINT_MODE {one_of None Singular Hierarchical}}
        run {{STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS} any}
        core {
            NAME any VERSION any CORE_REVISION any SDX_KERNEL {one_of true false} SDX_KERNEL_TYPE {one_of rtl hls} XPM_LIBRARIES any
            SUPPORTED_FAMILIES any AUTO_FAMILY_SUPPORT_LEVEL {one_of level_0 level_1 level_2} IPI_DRC any VITIS_DRC any
        }
        file_group {MODEL_NAME any} ip_file {TYPE {one_of dcp xdc verilogSource} USED_IN any} bus_interface {SLAVE_MEMORY_MAP_REF any}
        cell_instance {USER_SLR_ASSIGNMENT {one_of SLR0 SLR1 SLR2 SLR3}} address_block {RANGE any}
        bus_parameter {VALUE any VALUE_RESOLVE_TYPE {one_of immediate user dependent generated}}
        register {ADDRESS_OFFSET any SIZE {integer 1 1024} DESCRIPTION any} register_parameter {VALUE any}
    }
    # Properties that came with a release.
    variable since {IPI_DRC 2020.2 VITIS_DRC 2020.2}
}

# The properties of a kind of object that this release has.
proc model::known {table kind} {
    variable since
    variable release
    if {![dict exists $table $kind]} { return "" }
    set found [dict get $table $kind]
    dict for {name first} $since {
        if {[string compare $release $first] >= 0} continue
        set index [lsearch -exact $found $name]
        # Of `settable`, a rule follows the name.
        if {$index >= 0} { set found [lreplace $found $index [expr {$index + ($table eq $model::settable)}]] }
    }
    return $found
}

# Vivado's own property names come in any case, an IP's CONFIG.* only as they are.
proc model::canonical {name} { return [expr {[string match CONFIG.* $name] ? $name : [string toupper $name]}] }

proc model::read_property {object name {reader get_property}} {
    variable readable
    set name [canonical $name]
    set kind [kind $object]
    if {$kind eq ""} { return [report "$reader: no object $object" "nothing of that name was created" "correct the name"] }
    if {$name in [known $readable $kind]} {
        if {$name eq "NAME"} { return [get $object NAME [lindex [split $object /] end]] }
        return [get $object $name [expr {$name eq "PATH" ? $object : ""}]]
    }
    set rules [config_rules $object]
    if {![dict exists $rules $name]} { return [no_property $object $name $rules] }
    return [config_value $object $name]
}

proc model::write_property {object name value} {
    variable settable
    set name [canonical $name]
    set kind [kind $object]
    if {$kind eq ""} { return [report "set_property: no object $object" "nothing of that name was created" "correct the name"] }
    set rules [config_rules $object]
    set rules [dict merge $rules [known $settable $kind]]
    if {![dict exists $rules $name]} { return [no_property $object $name $rules] }
    set why [broken_rule [dict get $rules $name] $value]
    if {$why ne ""} { return [report "[string trimleft $object /]: $name cannot be $value" {*}$why] }
    if {$kind eq "interface_port" && $name eq "NAME"} { return [rename_port $object $value] }
    put $object $name $value
    changed $object
}

# Whoever wants to know that an object is not as it was saved.
proc model::changed {object} {}

proc model::no_property {object name rules} {
    variable readable
    set known [lsort -unique [concat [dict keys $rules] [known $readable [kind $object]]]]
    set known [lmap one $known { if {[string match *.VALUE_SRC $one] || $one eq "CONFIG"} continue; set one }]
    set what [expr {[kind $object] eq "cell" ? [lindex [split [get $object VLNV] :] 2] : "its class"}]
    report "[string trimleft $object /]: no property $name" "the properties the model knows of $what are [join $known {, }]" \
        "correct the name; if the vendor's guide has it, add it to ipi/model"
}

# {why fix} where a value breaks a rule of the catalog, else nothing.
proc model::broken_rule {rule value} {
    lassign $rule kind
    set values [lrange $rule 1 end]
    lassign $values low high
    set numbers [expr {[string is integer -strict $value] && [string is integer -strict $low]}]
    set inside [expr {$numbers && $value >= $low && $value <= $high}]
    switch $kind {
        any { return "" }
        one_of {
            if {$value in $values} { return "" }
            return [list "it offers [join $values {, }]" "choose one of those"]
        }
        integer {
            if {$inside} { return "" }
            return [list "it offers $low to $high" "choose a number from there"]
        }
        power_of_two {
            if {$inside && ($value & ($value - 1)) == 0} { return "" }
            return [list "it offers the powers of two from $low to $high" "choose one of those"]
        }
    }
    error "no rule $kind"
}
