# The IP packager and package_xo (UG1118, UG1700). The stub of a netlist has exactly the external interfaces of its block design.
#
# Not modelled: inference of memory maps and parameters, GUI files, the content of component.xml beyond what is used here.

namespace eval model {
    variable core ""      ;# the IP being edited
    variable kernel {}    ;# kernel.xml: name, vlnv and its ports with their modes
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
        model::create bus:$name bus_interface NAME $name MODE $mode
        model::create space:$name address_space NAME $name
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
    if {![model::exists bus:$name]} {
        set names [lmap bus [model::all bus_interface] { model::get $bus NAME }]
        return [model::report "ipx::associate_bus_interfaces: no bus interface $name" "the IP has [model::several $names]" \
            "correct the name"]
    }
    if {$clock ni [model::get $core PORTS]} {
        return [model::report "ipx::associate_bus_interfaces: no clock $clock" "the IP has [model::several [model::get $core PORTS]]" \
            "correct the name"]
    }
    model::put bus:$name CLOCK $clock
    model::changed $core
    return ""
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

proc vivado::ipx::save_core {core} {
    if {![model::in_core ipx::save_core $core]} { return "" }
    model::put $core SAVED 1
    set content [dict create vlnv [join [list {*}[lmap name {VENDOR LIBRARY NAME VERSION} { model::get $core $name }]] :]]
    foreach bus [model::all bus_interface] { dict set content interfaces [model::get $bus NAME] [model::get $bus MODE] }
    dict set content kernel [expr {[model::get $core SDX_KERNEL] eq "true" && [model::get $core SDX_KERNEL_TYPE] eq "rtl"}]
    dict set content groups [model::all file_group]
    model::write_file [model::get $core FILE] $content
    return ""
}

proc vivado::ipx::check_integrity {args} {
    lassign [model::options ipx::check_integrity $args {} {-xrt}] options core
    if {![model::in_core ipx::check_integrity $core]} { return "" }
    if {![model::get $core SAVED 0]} { model::report "ipx::check_integrity: the IP was changed after it was saved" \
        "the file holds the old one" "call ipx::save_core" }
    foreach bus [model::all bus_interface] {
        set name [model::get $bus NAME]
        if {[model::get $bus CLOCK] eq ""} {
            model::report "bus interface $name has no clock" "the linker connects an interface by its clock" \
                "call ipx::associate_bus_interfaces"
        }
        if {[model::get $bus MODE] eq "Slave" && ![model::exists map:[model::get $bus SLAVE_MEMORY_MAP_REF]]} {
            model::report "bus interface $name has no memory map" "the linker could not give it an address" \
                "call ipx::add_memory_map and set slave_memory_map_ref"
        }
    }
    return ""
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
    foreach {what given wanted} [list name [dict get $options -kernel_name] [dict get $model::kernel name] \
                                      VLNV [dict get $content vlnv] [dict get $model::kernel vlnv]] {
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
