# The procs package.tcl is written in: the netlist block_design.tcl left in ip/ becomes an IP in kernel/, and with
# kernel.xml a .xo.
#
# Called as `vivado -mode batch -source package.tcl`, after block_design.tcl.

set xo(folder) [file dirname [file normalize [info script]]]

# Package the stub: its ports tell the packager the interfaces. The netlist takes the stub's place in close_ip.
proc open_ip {vlnv part} {
    global xo
    lassign [split $vlnv :] vendor library name version
    set xo(name) $name
    set xo(part) $part
    set xo(netlist) [file join $xo(folder) ip]
    set xo(ip) [file join $xo(folder) kernel]
    file delete -force $xo(ip)
    create_project -force package_$name [file join $xo(folder) package] -part $part
    add_files -norecurse [list $xo(netlist)/$name.v]
    update_compile_order -fileset sources_1
    ipx::package_project -root_dir $xo(ip) -vendor $vendor -library $library -taxonomy /KernelIP -import_files -set_current false
    ipx::unload_core $xo(ip)/component.xml
    ipx::edit_ip_in_project -upgrade true -name edit_$name -directory $xo(ip) $xo(ip)/component.xml
    set core [ipx::current_core]
    set_property name $name $core
    set_property version $version $core
    foreach parameter [ipx::get_user_parameters -of_objects $core] {
        ipx::remove_user_parameter [get_property name $parameter] $core
    }
    set_property xpm_libraries {XPM_CDC XPM_MEMORY XPM_FIFO} $core
    set_property auto_family_support_level level_2 $core
    set_known ipi_drc {ignore_freq_hz true}
    set xo(rules) {}
}

# A property of 2020.2 and later; tells whether this release has it.
proc set_known {property value} {
    set core [ipx::current_core]
    if {$property ni [string tolower [list_property $core]]} { return 0 }
    set_property $property $value $core
    return 1
}

# What makes an IP a kernel: how it is started, and rules of its own in check_integrity.
proc make_kernel {protocol} {
    global xo
    set core [ipx::current_core]
    set_property sdx_kernel true $core
    set_property sdx_kernel_type rtl $core
    # Where there is vitis_drc, check_integrity knows the rules for kernels. UNCONFIRMED for 2019.2, that it does not.
    if {[set_known vitis_drc [list ctrl_protocol $protocol]]} { set xo(rules) -kernel }
}

# The interface of a clock or an interrupt: the packager may have inferred it from the name of its port.
proc signal_interface {kind name} {
    set core [ipx::current_core]
    if {[ipx::get_bus_interfaces -quiet $name -of_objects $core] eq ""} {
        ipx::infer_bus_interface $name xilinx.com:signal:${kind}_rtl:1.0 $core
    }
    return [ipx::get_bus_interfaces $name -of_objects $core]
}

# A parameter of an interface, which the packager may have inferred too; returns it.
proc bus_parameter {name value bus} {
    set parameter [ipx::get_bus_parameters -quiet $name -of_objects $bus]
    if {$parameter eq ""} { set parameter [ipx::add_bus_parameter $name $bus] }
    set_property value $value $parameter
    return $parameter
}

# `user`: the linker, or the block design the IP is put into, may give the clock another frequency.
proc add_clock {name mhz} {
    set parameter [bus_parameter FREQ_HZ [expr {$mhz * 1000000}] [signal_interface clock $name]]
    set_property value_resolve_type user $parameter
}

proc add_interrupt {name} { bus_parameter SENSITIVITY LEVEL_HIGH [signal_interface interrupt $name] }

proc add_stream {name} { ipx::associate_bus_interfaces -busif $name -clock ap_clk [ipx::current_core] }

# The packager may infer an aperture of 64K or 4G, which would keep the linker from assigning the upper banks (found in FINN).
proc add_master {name} {
    set core [ipx::current_core]
    ipx::associate_bus_interfaces -busif $name -clock ap_clk $core
    ipx::remove_segment -quiet $name:APERTURE_0 [ipx::get_address_spaces $name -of_objects $core]
}

# One flat block of registers, which the packager may have inferred, empty.
proc add_slave {name range} {
    global xo
    set core [ipx::current_core]
    ipx::associate_bus_interfaces -busif $name -clock ap_clk $core
    set map [ipx::get_memory_maps -quiet $name -of_objects $core]
    if {$map eq ""} { set map [ipx::add_memory_map $name $core] }
    set xo(block) [lindex [ipx::get_address_blocks -quiet -of_objects $map] 0]
    if {$xo(block) eq ""} { set xo(block) [ipx::add_address_block reg0 $map] }
    set_property range $range $xo(block)
    set_property slave_memory_map_ref $name [ipx::get_bus_interfaces $name -of_objects $core]
}

# A register of the block; one that holds an address says through which master the kernel uses it.
proc add_register {name offset bits {master ""}} {
    global xo
    set register [ipx::add_register $name $xo(block)]
    set_property address_offset $offset $register
    set_property size $bits $register
    if {$master ne ""} { set_property value $master [ipx::add_register_parameter ASSOCIATED_BUSIF $register] }
}

proc add_netlist_file {group kind file used_in} {
    global xo
    set core [ipx::current_core]
    file mkdir $xo(ip)/[file dirname $file]
    file copy -force $xo(netlist)/[file tail $file] $xo(ip)/$file
    set found [ipx::add_file_group $group $core]
    set added [ipx::add_file $file $found]
    set_property type $kind $added
    if {$used_in ne ""} { set_property used_in $used_in $added }
    return $found
}

# The netlist instead of sources, which ties the IP to the family of the part it was synthesized for. In an .xo that is AMD's own form.
# UNCONFIRMED for every release: that a block design outside v++ takes an IP whose only view is a checkpoint.
proc close_ip {} {
    global xo
    set core [ipx::current_core]
    set stub [ipx::get_file_groups xilinx_anylanguagesynthesis -of_objects $core]
    set module [get_property model_name $stub]
    foreach group {xilinx_synthesischeckpoint xilinx_simulationcheckpoint} {
        set_property model_name $module [add_netlist_file $group dcp dcp/$xo(name).dcp {}]
    }
    add_netlist_file xilinx_implementation xdc impl/$xo(name).xdc implementation
    foreach group {xilinx_anylanguagesynthesis xilinx_anylanguagebehavioralsimulation} {
        ipx::remove_all_file [ipx::get_file_groups $group -of_objects $core]
        ipx::remove_file_group $group $core
    }
    file delete -force $xo(ip)/src
    set_property supported_families "[get_property FAMILY [get_parts $xo(part)]] Production" $core
    ipx::create_xgui_files $core
    ipx::update_checksums $core
    ipx::save_core $core
    ipx::check_integrity {*}$xo(rules) $core
    close_project -delete
}

proc write_xo {} {
    global xo
    set file [file join $xo(folder) $xo(name).xo]
    file delete -force $file
    package_xo -xo_path $file -kernel_name $xo(name) -ip_directory $xo(ip) -kernel_xml [file join $xo(folder) kernel.xml]
}
