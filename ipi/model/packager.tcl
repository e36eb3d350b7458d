# The IP packager and package_xo (UG1118, UG1700). The stub of a netlist has exactly the external interfaces of its block design.
#
# Inferred are clock, reset and AXI interfaces; not memory maps, interrupts and parameters. Not modelled: GUI files, the content of
# component.xml beyond what is used here.

namespace eval model {
    variable core ""      ;# the IP being edited
    variable kernel {}    ;# kernel.xml: attributes, ports with their modes, arguments
}

proc model::changed {object} {
    variable core
    if {$core ne ""} { put $core SAVED 0 }
}

proc model::in_core {command core} {
    if {[kind $core] eq "core"} { return 1 }
    report "$command: no IP is open" "it works on one" "call ipx::edit_ip_in_project first"
    return 0
}

proc vivado::ipx::package_project {args} {
    lassign [model::options ipx::package_project $args \
        {-root_dir -vendor -library -taxonomy -module -set_current -version} {-import_files -force}] options
    if {![model::in_project ipx::package_project]} { return "" }
    set stub [lsearch -inline [model::all file] *.v]
    if {$stub eq ""} { return [model::report "ipx::package_project: the project has no source" "the IP would be empty" \
        "call add_files first"] }
    set root [model::option $options -root_dir ""]
    set content [dict get $model::files $stub]
    set identity [list vendor [model::option $options -vendor ""] library [model::option $options -library ""]]
    model::write_file $root/component.xml [dict merge $content $identity]
    model::write_file $root/src/[file tail $stub] $content
    return ""
}

proc vivado::ipx::unload_core {args} { return "" }

proc vivado::ipx::edit_ip_in_project {args} {
    lassign [model::options ipx::edit_ip_in_project $args {-upgrade -name -directory} {}] options rest
    set path [lindex $rest 0]
    if {![model::need_file ipx::edit_ip_in_project $path]} { return "" }
    set content [dict get $model::files [model::relative $path]]
    set module [dict get $content module]
    set model::core [model::create core:$module core FILE $path NAME $module VERSION 1.0 SAVED 0]
    model::put $model::core VENDOR [dict get $content vendor]
    model::put $model::core LIBRARY [dict get $content library]
    model::put $model::core PORTS [dict get $content ports]
    foreach {name mode} [dict get $content interfaces] {
        model::create bus:$name bus_interface NAME $name MODE $mode KIND aximm
        model::create space:$name address_space NAME $name
    }
    foreach {name mode} [dict get $content streams] { model::create bus:$name bus_interface NAME $name MODE $mode KIND axis }
    foreach {name type} [dict get $content ports] {
        if {$type in {clk rst}} { model::create bus:$name bus_interface NAME $name MODE Slave KIND $type }
    }
    foreach group {xilinx_anylanguagesynthesis xilinx_anylanguagebehavioralsimulation} {
        model::create $group file_group MODEL_NAME $module
    }
    return ""
}

proc vivado::ipx::current_core {args} {
    model::in_core ipx::current_core $model::core
    return $model::core
}

# Objects of the IP by the name they carry.
proc model::of_core {command kind arguments what} {
    lassign [options $command $arguments {-of_objects -filter}] options names
    set all [lmap object [all $kind] { list [read_property $object NAME] $object }]
    # What lies within another object than the IP itself names it.
    if {$kind in {bus_parameter address_block}} {
        set owner [option $options -of_objects ""]
        set all [lmap pair $all { if {![string match $owner/* [lindex $pair 1]]} continue; set pair }]
    }
    if {$names eq ""} { return [lmap pair $all { lindex $pair 1 }] }
    set found {}
    foreach pair $all {
        if {[lindex $pair 0] in $names} { lappend found [lindex $pair 1] }
    }
    if {$found eq "" && ![dict exists $options -quiet]} {
        report "$command: no $what $names" "there are [several [lmap pair $all { lindex $pair 0 }]]" "correct the name"
    }
    return $found
}

proc vivado::ipx::get_bus_parameters {args} { return [model::of_core ipx::get_bus_parameters bus_parameter $args "bus parameter"] }
proc vivado::ipx::get_address_blocks {args} { return [model::of_core ipx::get_address_blocks address_block $args "address block"] }
proc vivado::ipx::get_user_parameters {args} { return [model::of_core ipx::get_user_parameters user_parameter $args parameter] }
proc vivado::ipx::get_bus_interfaces {args} { return [model::of_core ipx::get_bus_interfaces bus_interface $args "bus interface"] }
proc vivado::ipx::get_address_spaces {args} { return [model::of_core ipx::get_address_spaces address_space $args "address space"] }
proc vivado::ipx::get_memory_maps {args} { return [model::of_core ipx::get_memory_maps memory_map $args "memory map"] }
proc vivado::ipx::get_file_groups {args} { return [model::of_core ipx::get_file_groups file_group $args "file group"] }
proc vivado::ipx::remove_user_parameter {args} { return "" }
proc vivado::ipx::remove_segment {args} { return "" }

proc vivado::ipx::associate_bus_interfaces {args} {
    lassign [model::options ipx::associate_bus_interfaces $args {-busif -clock} {-remove}] options core
    if {![model::in_core ipx::associate_bus_interfaces $core]} { return "" }
    set name [model::option $options -busif ""]
    set clock [model::option $options -clock ""]
    if {[model::get bus:$name KIND] ni {aximm axis}} {
        set names [lmap bus [concat [model::interfaces aximm] [model::interfaces axis]] { model::get $bus NAME }]
        return [model::report "ipx::associate_bus_interfaces: no bus interface $name" "the IP has [model::several $names]" \
            "correct the name"]
    }
    if {[model::get bus:$clock KIND] ne "clk"} {
        set names [lmap bus [model::interfaces clk] { model::get $bus NAME }]
        return [model::report "ipx::associate_bus_interfaces: no clock $clock" "the IP has [model::several $names]" "correct the name"]
    }
    model::put bus:$name CLOCK $clock
    model::changed $core
    return ""
}

# The IP's interfaces of one kind: aximm, axis, clk, rst, intr.
proc model::interfaces {kind} {
    return [lmap bus [all bus_interface] { if {[get $bus KIND] ne $kind} continue; set bus }]
}

# A bus interface of a port on its own.
proc vivado::ipx::infer_bus_interface {args} {
    lassign [model::options ipx::infer_bus_interface $args {}] options rest
    lassign $rest port vlnv core
    if {![model::in_core ipx::infer_bus_interface $core]} { return "" }
    set kinds {xilinx.com:signal:clock_rtl:1.0 clk xilinx.com:signal:reset_rtl:1.0 rst xilinx.com:signal:interrupt_rtl:1.0 intr}
    if {![dict exists $kinds $vlnv]} { return [model::report "ipx::infer_bus_interface: no interface $vlnv" \
        "a port on its own is one of [join [dict keys $kinds] {, }]" "correct the name"] }
    set ports [model::get $core PORTS]
    set kind [dict get $kinds $vlnv]
    if {[model::option $ports $port ""] ne $kind} {
        set names [lmap {name type} $ports { if {$type ne $kind} continue; set name }]
        return [model::report "ipx::infer_bus_interface: no [lindex [split $vlnv :_] 2] $port" "the IP has [model::several $names]" \
            "correct the name, or make the pin external"]
    }
    model::changed $core
    return [model::create bus:$port bus_interface NAME $port MODE Master KIND $kind]
}

proc vivado::ipx::add_bus_parameter {name bus} { return [model::add_within ipx::add_bus_parameter $name bus_parameter $bus bus_interface] }
proc vivado::ipx::add_register {name block} { return [model::add_within ipx::add_register $name register $block address_block] }
proc vivado::ipx::add_register_parameter {name register} {
    return [model::add_within ipx::add_register_parameter $name register_parameter $register register]
}

proc model::add_within {command name kind owner wanted} {
    if {[kind $owner] ne $wanted} {
        return [report "$command: $name: no [string map {_ { }} $wanted] $owner" "it lies in one" "add that first"]
    }
    if {![new_object $command $owner/$name]} { return "" }
    return [create $owner/$name $kind NAME $name]
}

proc vivado::ipx::add_memory_map {name core} {
    if {![model::in_core ipx::add_memory_map $core]} { return "" }
    model::changed $core
    return [model::create map:$name memory_map NAME $name]
}

proc vivado::ipx::add_address_block {name map} {
    if {[model::kind $map] ne "memory_map"} { return [model::report "ipx::add_address_block: no memory map $map" "a block lies in one" \
        "call ipx::add_memory_map first"] }
    return [model::create $map/$name address_block NAME $name]
}

proc vivado::ipx::add_file_group {args} {
    lassign [model::options ipx::add_file_group $args {-type}] options rest
    lassign $rest name core
    if {![model::in_core ipx::add_file_group $core]} { return "" }
    model::changed $core
    return [model::create $name file_group]
}

proc vivado::ipx::add_file {path group} {
    if {[model::kind $group] ne "file_group"} { return [model::report "ipx::add_file: no file group $group" "a file lies in one" \
        "call ipx::add_file_group first"] }
    set root [file dirname [model::get $model::core FILE]]
    if {[model::need_file ipx::add_file [file join $root $path]]} { return [model::create $group/$path ip_file NAME $path OWNER $group] }
    return ""
}

proc vivado::ipx::remove_all_file {args} { return "" }

proc vivado::ipx::remove_file_group {name core} {
    if {[model::kind $name] ne "file_group"} { return [model::report "ipx::remove_file_group: no file group $name" \
        "there is none of that name" "correct the name"] }
    model::remove $name
    model::changed $core
    return ""
}

proc vivado::ipx::create_xgui_files {core} { model::in_core ipx::create_xgui_files $core; return "" }
proc vivado::ipx::update_checksums {core} { model::in_core ipx::update_checksums $core; return "" }

# What the file of the IP holds of it.
proc model::described {core} {
    set content [dict create vlnv [join [lmap name {VENDOR LIBRARY NAME VERSION} { get $core $name }] :]]
    foreach bus [interfaces aximm] { dict set content interfaces [get $bus NAME] [get $bus MODE] }
    foreach bus [interfaces axis] { dict set content streams [get $bus NAME] [get $bus MODE] }
    dict set content kernel [expr {[get $core SDX_KERNEL] eq "true" && [get $core SDX_KERNEL_TYPE] eq "rtl"}]
    dict set content groups [all file_group]
    dict set content protocol [option [get $core VITIS_DRC] ctrl_protocol ""]
    dict set content clocks {}
    foreach bus [interfaces clk] {
        # By either, the linker knows which clocks the IP can take.
        set known [expr {[get $bus/FREQ_TOLERANCE_HZ VALUE] eq "-1" || [get $bus/FREQ_HZ VALUE_RESOLVE_TYPE] eq "user"}]
        dict set content clocks [get $bus NAME] $known
    }
    dict set content interrupts [lmap bus [interfaces intr] { get $bus NAME }]
    dict set content registers {}
    foreach register [all register] {
        set held [list [get $register ADDRESS_OFFSET ""] [get $register SIZE 0] [get $register/ASSOCIATED_BUSIF VALUE]]
        dict set content registers [get $register NAME] $held
    }
    foreach block [all address_block] { dict set content range [get $block RANGE 0] }
    return $content
}

# What the linker and the runtime need of a kernel (XD099, "Specify the Control Protocol"; UG1393). A protocol is started by CTRL.
proc model::kernel_rules {content protocol} {
    set registers [dict get $content registers]
    dict for {clock known} [dict get $content clocks] {
        if {!$known} { report "clock $clock has no frequency" "the linker compares it with the platform's" \
            "add FREQ_HZ with value_resolve_type user, or FREQ_TOLERANCE_HZ -1" }
    }
    if {$protocol in {ap_ctrl_hs ap_ctrl_chain}} {
        if {$registers eq ""} {
            return [report "control protocol $protocol, and no register" "a kernel is started by a register of its AXI4-Lite interface" \
                "call ipx::add_register for CTRL, the interrupts and every argument"]
        }
        foreach {name offset} {CTRL 0x00 GIER 0x04 IP_IER 0x08 IP_ISR 0x0C} {
            lassign [option $registers $name {}] at bits
            if {$at eq "" || $at != $offset || $bits != 32} {
                report "control protocol $protocol, and no register $name of 32 bits at $offset" \
                    "the runtime starts the kernel and waits for it there" "add it, or correct it"
            }
        }
    }
    set used {}
    set end 0
    set before ""
    foreach {name held} [lsort -stride 2 -index {1 0} -command {apply {{a b} {expr {$a - $b}}}} $registers] {
        lassign $held offset bits master
        if {$offset < $end} {
            report "registers $before and $name overlap" "$before ends at [format 0x%X $end]" "correct an offset or a size"
        }
        set end [expr {$offset + $bits / 8}]
        set before $name
        if {$master eq ""} continue
        lappend used $master
        if {[option [option $content interfaces {}] $master ""] ne "Master"} {
            report "register $name: ASSOCIATED_BUSIF $master" "the IP has no AXI master of that name" "correct the name"
        }
    }
    if {$end > [option $content range 0]} { report "register $before ends at [format 0x%X $end]" \
        "the address block has [option $content range 0] bytes" "make the block larger" }
    dict for {name mode} [option $content interfaces {}] {
        if {$mode eq "Master" && $name ni $used} { report "no register holds an address for $name" \
            "the runtime could not tell the kernel where its buffer is" "give the argument's register ASSOCIATED_BUSIF $name" }
    }
    return ""
}

proc vivado::ipx::save_core {core} {
    if {![model::in_core ipx::save_core $core]} { return "" }
    model::put $core SAVED 1
    model::write_file [model::get $core FILE] [model::described $core]
    return ""
}

proc vivado::ipx::check_integrity {args} {
    set flags [expr {[string compare $model::release 2020.2] >= 0 ? {-xrt -kernel} : {-xrt}}]
    lassign [model::options ipx::check_integrity $args {} $flags] options core
    if {![model::in_core ipx::check_integrity $core]} { return "" }
    if {![model::get $core SAVED 0]} { model::report "ipx::check_integrity: the IP was changed after it was saved" \
        "the file holds the old one" "call ipx::save_core" }
    foreach bus [concat [model::interfaces aximm] [model::interfaces axis]] {
        set name [model::get $bus NAME]
        if {[model::get $bus CLOCK] eq ""} {
            model::report "bus interface $name has no clock" "the linker connects an interface by its clock" \
                "call ipx::associate_bus_interfaces"
        }
        if {[model::get $bus KIND] eq "axis"} continue
        if {[model::get $bus MODE] eq "Slave" && ![model::exists map:[model::get $bus SLAVE_MEMORY_MAP_REF]]} {
            model::report "bus interface $name has no memory map" "the linker could not give it an address" \
                "call ipx::add_memory_map and set slave_memory_map_ref"
        }
    }
    if {[dict exists $options -kernel]} {
        set content [model::described $core]
        model::kernel_rules $content [dict get $content protocol]
        model::put $core CHECKED 1
    }
    return ""
}

# The arguments in kernel.xml against the registers: the host sets the one, the kernel reads the other.
proc model::compare_arguments {registers arguments} {
    foreach argument $arguments {
        lassign $argument name offset size port qualifier
        set wanted [list [format 0x%X $offset] [expr {$size * 8}] [expr {$qualifier == 1 ? $port : ""}]]
        if {![dict exists $registers $name]} {
            report "package_xo: kernel.xml has an argument $name, the IP no such register" "its registers are\
                [several [dict keys $registers]]" "call ipx::add_register for it"
            continue
        }
        lassign [dict get $registers $name] at bits master
        set held [list [format 0x%X $at] $bits $master]
        foreach what {offset bits master} given $held wants $wanted {
            if {$given eq $wants} continue
            report "package_xo: argument $name: $what [several [list $wants]] in kernel.xml, [several [list $given]] in the IP" \
                "the host would set something else" "correct one of them"
        }
    }
}

proc vivado::package_xo {args} {
    lassign [model::options package_xo $args \
        {-xo_path -kernel_name -ip_directory -kernel_xml -kernel_xml_args -ctrl_protocol -output_kernel_xml -kernel_files -design_xml} \
        {-force}] options
    foreach name {-xo_path -kernel_name -ip_directory -kernel_xml} {
        if {![dict exists $options $name]} { return [model::report "package_xo: no $name" "it needs one" "give $name"] }
    }
    set directory [dict get $options -ip_directory]
    if {$directory eq [dict get $options -xo_path]} {
        return [model::report "package_xo: -xo_path is -ip_directory" "the .xo is a file of its own" "give each its own"]
    }
    if {![model::need_file package_xo $directory/component.xml]} { return "" }
    set content [dict get $model::files [model::relative $directory/component.xml]]
    if {![dict exists $content vlnv]} { return [model::report "package_xo: the IP in [model::relative $directory] was never saved" \
        "its file is still the packager's first draft" "call ipx::save_core"] }
    if {$model::kernel eq "" || [model::relative [dict get $options -kernel_xml]] ne [dict get $model::kernel path]} {
        return [model::report "package_xo: no file [model::relative [dict get $options -kernel_xml]]" "it describes the kernel" \
            "generate it"]
    }
    if {![dict get $content kernel]} { model::report "package_xo: the IP is no kernel" "v++ takes IPs marked as RTL kernels" \
        "set sdx_kernel and sdx_kernel_type" }
    # The packager's rules, unless check_integrity has gone through them.
    set protocol [dict get $model::kernel hwControlProtocol]
    if {$model::core eq "" || ![model::get $model::core CHECKED 0]} { model::kernel_rules $content $protocol }
    set given_protocol [expr {[dict get $content protocol] eq "" ? $protocol : [dict get $content protocol]}]
    foreach {what given wanted} [list name [dict get $options -kernel_name] [dict get $model::kernel name] \
                                      VLNV [dict get $content vlnv] [dict get $model::kernel vlnv] \
                                      "control protocol" $given_protocol $protocol] {
        if {$given ne $wanted} { model::report "package_xo: $what $given, kernel.xml says $wanted" "both name one kernel" \
            "correct one of them" }
    }
    set interfaces [model::option $content interfaces {}]
    foreach {name mode} [dict get $model::kernel ports] {
        if {![dict exists $interfaces $name]} {
            model::report "package_xo: kernel.xml has a port $name, the IP has none" \
                "its interfaces are [model::several [dict keys $interfaces]]" "make it external under that name"
        } elseif {[string tolower [dict get $interfaces $name]] ne $mode} {
            model::report "package_xo: port $name is a $mode in kernel.xml, a [string tolower [dict get $interfaces $name]] in the IP" \
                "both are one interface" "correct one"
        }
    }
    model::compare_arguments [dict get $content registers] [dict get $model::kernel arguments]
    if {([dict get $model::kernel interrupt] eq "true") != ([dict get $content interrupts] ne "")} {
        model::report "package_xo: kernel.xml says interrupt \"[dict get $model::kernel interrupt]\", the IP has\
            [model::several [dict get $content interrupts]]" "the linker connects what kernel.xml says" "correct one of them"
    }
    foreach group {xilinx_synthesischeckpoint xilinx_implementation} {
        if {$group ni [dict get $content groups]} { model::report "package_xo: the IP has no file group $group" \
            "its netlist or its constraints would be missing" "add it" }
    }
    if {[model::file_exists [dict get $options -xo_path]] && ![dict exists $options -force]} {
        model::report "package_xo: [model::relative [dict get $options -xo_path]] exists" "it does not overwrite" \
            "delete it first, or give -force"
    }
    model::write_file [dict get $options -xo_path] $content
    return ""
}
