# The procs block_design.tcl is written in: blocks, streams, reset tree, external AXI interfaces, synthesis.
#
# Called as `vivado -mode batch -source block_design.tcl [-tclargs <IP repository> [<jobs>]]`; the repository is by default the
# folder above this one, in which Vivado looks for IPs at any depth. Leaves ip/<design>.{v,dcp,xdc} for package.tcl, and beside
# them utilization.xml and timing.rpt.

set bd(folder) [file dirname [file normalize [info script]]]
set bd(repository) [file dirname $bd(folder)]
set bd(jobs) 4
foreach key {repository jobs} value $argv {
    if {$key ne "" && $value ne ""} { set bd($key) $value }
}

# Vivado prints the message unchanged. Its first word marks the line that decides for whoever reads the log.
proc stop {what why fix} { error "ERROR: $what\n  why: $why\n  fix: $fix" }

# The one element of what a get_ command found; `among` are those there are.
proc only {found what among} {
    switch [llength $found] {
        0 { stop "no $what" "there are [lrange $among end-11 end]" "correct the name" }
        1 { return [lindex $found 0] }
        default { stop "[llength $found] times $what: $found" "the call means one" "give a name that fits only one" }
    }
}

proc cell {name} { return [only [get_bd_cells -quiet $name] "cell $name" [get_bd_cells -quiet]] }

proc pin {path} { return [only [get_bd_pins -quiet $path] "pin $path" [get_bd_pins -quiet -of_objects [cell [file dirname $path]]]] }

proc interface_pin {path} {
    return [only [get_bd_intf_pins -quiet $path] "interface pin $path" [get_bd_intf_pins -quiet -of_objects [cell [file dirname $path]]]]
}

# What the description says of an interface against what the IP has, which is what was synthesized.
proc compare {interface property described} {
    set actual [get_property CONFIG.$property $interface]
    if {$actual != $described} {
        stop "$interface: $property is $actual in the IP, $described in the description" "the IP was made from another description" \
            "synthesize it again"
    }
}

# An AXI4-Stream pin of an HLS IP. Its name depends on the release (codes_out, codes_out_V, codes_out_V_V), so it is found by its
# mode, its protocol and how its name starts.
proc stream_pin {cell mode name bytes} {
    set streams [get_bd_intf_pins -quiet -of_objects [cell $cell] -filter "MODE == $mode && VLNV =~ *axis_rtl*"]
    set found [get_bd_intf_pins -quiet -of_objects [cell $cell] -filter "MODE == $mode && VLNV =~ *axis_rtl* && NAME =~ ${name}*"]
    set found [only $found "[string tolower $mode] stream $cell/$name" $streams]
    compare $found TDATA_NUM_BYTES $bytes
    return $found
}

# Versions of the vendor's IPs differ between releases: take the newest there is.
proc vendor_ip {name} {
    set found [lsort -dictionary [get_ipdefs -quiet "xilinx.com:ip:$name:*"]]
    if {$found eq ""} { stop "no IP xilinx.com:ip:$name" "the catalog of this Vivado has none" "install it, or use another release" }
    return [lindex $found end]
}

proc create_vendor_cell {ip cell config} {
    create_bd_cell -type ip -vlnv [vendor_ip $ip] $cell
    set_property -dict $config [cell $cell]
}

# What has a clock is hardware, which the floorplan places by its name; passthroughs are wires.
proc connect_clock {cell name} {
    global bd
    lappend bd(placed) $cell
    connect_bd_net [get_bd_ports ap_clk] [pin $cell/$name]
}

proc connect_reset {cell name leaf} { connect_bd_net [pin reset_pass_$leaf/Res] [pin $cell/$name] }

proc connect_stream {source sink} { connect_bd_intf_net $source $sink }

# An empty block design with its clock and reset; files are called by its name, the design itself design_<name>.
proc begin_design {name part clock_mhz} {
    global bd
    set bd(name) $name
    set bd(period_ns) [expr {1000.0 / $clock_mhz}]
    set bd(masters) {}
    set bd(placed) {}
    create_project -force $name [file join $bd(folder) project] -part $part
    set_property ip_repo_paths [list $bd(repository)] [current_project]
    update_ip_catalog -rebuild
    create_bd_design design_$name
    create_bd_port -dir I -type clk ap_clk
    set_property CONFIG.FREQ_HZ [expr {$clock_mhz * 1000000}] [get_bd_ports ap_clk]
    create_bd_port -dir I -type rst ap_rst_n
    set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports ap_rst_n]
}

# The reset goes from SLR to SLR through a register in each. From there it branches to leaves, registers that drive one IP each, and one
# that drives the FIFOs, converters and slices of the SLR: local registers instead of a global buffer (UG949), whose driver could lie
# anywhere, and few enough loads for each. Every cell sees the reset as many cycles after its SLR's register.
proc reset_tree {slrs} {
    add_passthrough reset_in
    connect_bd_net [get_bd_ports ap_rst_n] [pin reset_in/Op1]
    set before [pin reset_in/Res]
    for {set slr 0} {$slr < $slrs} {incr slr} {
        add_reset_register reset_pipe_slr$slr $before
        set before [pin reset_pipe_slr$slr/Q]
        add_reset_leaf slr$slr $slr
    }
}

proc add_reset_register {cell source} {
    # Width is propagated from the net unless its source is the user.
    create_vendor_cell c_shift_ram $cell {CONFIG.Width.VALUE_SRC USER}
    set_property -dict {
        CONFIG.Width 1 CONFIG.Depth 1 CONFIG.SSET false CONFIG.SCLR false
        CONFIG.DefaultData 0 CONFIG.AsyncInitVal 0 CONFIG.SyncInitVal 0
    } [cell $cell]
    connect_clock $cell CLK
    connect_bd_net $source [pin $cell/D]
}

# A branch of the tree in one SLR.
proc add_reset_leaf {name slr} {
    add_reset_register reset_leaf_$name [pin reset_pipe_slr$slr/Q]
    add_passthrough reset_pass_$name
    connect_bd_net [pin reset_leaf_$name/Q] [pin reset_pass_$name/Op1]
}

# Takes the type `rst` off a net, or hides that a register's output is none: both sides are plain wires.
proc add_passthrough {cell} { create_vendor_cell util_reduced_logic $cell {CONFIG.C_SIZE 1 CONFIG.C_OPERATION or} }

# An HLS IP, with a leaf of the reset tree of its own. The name of every cell begins with its kind: ip_, fifo_, dwc_, slice_, reset_.
# So no block can have the name of an HDL keyword or of another cell.
proc add_block {name vlnv slr} {
    global bd
    set bd(slr,$name) $slr
    set cell ip_$name
    create_bd_cell -type ip -vlnv $vlnv $cell
    connect_clock $cell ap_clk
    add_reset_leaf $cell $slr
    connect_reset $cell ap_rst_n $cell
}

# A stream between two IPs: a FIFO in the source's SLR, a register slice at every SLR boundary and, where the beats differ, a width
# converter in the SLR given, which is the one of the wider beat: the narrower one crosses.
proc add_stream {name source source_port source_bytes sink sink_port sink_bytes depth memory {converter_slr ""}} {
    global bd
    set from [stream_pin ip_$source Master $source_port $source_bytes]
    set to [stream_pin ip_$sink Slave $sink_port $sink_bytes]

    set fifo fifo_$name
    create_vendor_cell axis_data_fifo $fifo [list \
        CONFIG.TDATA_NUM_BYTES $source_bytes CONFIG.FIFO_DEPTH $depth CONFIG.FIFO_MEMORY_TYPE $memory CONFIG.IS_ACLK_ASYNC 0]
    connect_clock $fifo s_axis_aclk
    connect_reset $fifo s_axis_aresetn slr$bd(slr,$source)
    connect_stream $from [interface_pin $fifo/S_AXIS]
    set from [interface_pin $fifo/M_AXIS]

    set slr $bd(slr,$source)
    if {$source_bytes != $sink_bytes} {
        if {$converter_slr != $slr} { set from [cross_slrs $name $from $source_bytes $slr $converter_slr] }
        set slr $converter_slr
        set dwc dwc_$name
        # S_TDATA_NUM_BYTES is propagated from the net unless its source is the user.
        create_vendor_cell axis_dwidth_converter $dwc {CONFIG.S_TDATA_NUM_BYTES.VALUE_SRC USER}
        set_property -dict [list CONFIG.S_TDATA_NUM_BYTES $source_bytes CONFIG.M_TDATA_NUM_BYTES $sink_bytes] [cell $dwc]
        connect_clock $dwc aclk
        connect_reset $dwc aresetn slr$converter_slr
        connect_stream $from [interface_pin $dwc/S_AXIS]
        set from [interface_pin $dwc/M_AXIS]
    }
    connect_stream [cross_slrs $name $from $sink_bytes $slr $bd(slr,$sink)] $to
}

# From SLR to SLR in register slices of PG085's Multi SLR Crossing mode, in which every wire over the boundary goes from flip-flop to
# flip-flop with a fan-out of one, and no beat is delayed by another. There is a slice for each boundary, named after the SLR it
# leaves; the floorplan places each of its halves in one SLR. One slice could cross several boundaries, but the names of its middle
# parts are not documented. UNCONFIRMED: that the mode has number 15; public designs set it together with NUM_SLR_CROSSINGS.
proc cross_slrs {name from bytes slr last} {
    while {$slr != $last} {
        set slice slice_${name}_slr$slr
        create_vendor_cell axis_register_slice $slice [list \
            CONFIG.TDATA_NUM_BYTES $bytes CONFIG.REG_CONFIG 15 CONFIG.NUM_SLR_CROSSINGS 1]
        connect_clock $slice aclk
        connect_reset $slice aresetn slr$slr
        connect_stream $from [interface_pin $slice/S_AXIS]
        set from [interface_pin $slice/M_AXIS]
        incr slr [expr {$slr < $last ? 1 : -1}]
    }
    return $from
}

# Make an interface pin external under its kernel name. Vivado calls the port <pin>_0 at first.
proc add_external {name block pin bits} {
    set found [interface_pin ip_$block/$pin]
    compare $found DATA_WIDTH $bits
    make_bd_intf_pins_external $found
    set_property name $name [get_bd_intf_ports ${pin}_0]
    return $found
}

proc add_slave {name block pin bits} { add_external $name $block $pin $bits }

# A master has to address 64 bits (vivado_hls: config_interface -m_axi_addr64), or the linker takes it for a 4 GB one.
proc add_master {name block pin bits} {
    global bd
    set found [add_external $name $block $pin $bits]
    compare $found ADDR_WIDTH 64
    lappend bd(masters) ip_$block/Data_$pin
}

# A stream of the design itself: the pin of an HLS IP, made external.
proc add_stream_port {name block pin mode bytes} {
    set found [stream_pin ip_$block $mode $pin $bytes]
    make_bd_intf_pins_external $found
    set_property name $name [get_bd_intf_ports [file tail $found]_0]
}

# A finished frame can interrupt the host: an output of the IP becomes one of the kernel.
proc add_interrupt {name block pin} {
    create_bd_port -dir O -type intr $name
    connect_bd_net [pin ip_$block/$pin] [get_bd_ports $name]
}

# Every master sees its memory from address 0 on. The range only has to be there: nothing in this design decodes it.
# UNCONFIRMED for every release: that the segment is <cell>/Data_<pin>/SEG_<port>_Reg (so in 2019.2 and 2022.2).
proc assign_addresses {} {
    global bd
    assign_bd_address
    foreach space $bd(masters) {
        set segment [only [get_bd_addr_segs -quiet $space/SEG_*] "segment of address space $space" [get_bd_addr_segs -quiet]]
        set_property offset 0 $segment
        set_property range 4G $segment
    }
}

proc end_design {} {
    validate_bd_design
    save_bd_design
}

# The linker's floorplan looks for cells by these names, hours from here: a name that synthesis has not kept is warned of now.
proc find_cells {} {
    global bd
    foreach cell $bd(placed) {
        set looked_for [list [list $cell]]
        # A slice's halves lie in two SLRs; the vendor's guides have two names for each.
        if {[string match slice_* $cell]} {
            set looked_for [list [list $cell/*slr_source* $cell/*slr_master*] [list $cell/*slr_dest* $cell/*slr_slave*]]
        }
        foreach names $looked_for {
            set found {}
            foreach name $names { lappend found {*}[get_cells -quiet -hierarchical -filter "IS_PRIMITIVE == 0 && NAME =~ *design_$bd(name)_i/$name"] }
            if {$found ne ""} continue
            puts "CRITICAL WARNING: no cell [join $names { or }] in the netlist\n  why: the floorplan knows it by that name; the placer\
                will choose its SLR\n  fix: look for it among get_cells -hierarchical"
        }
    }
}

# Out-of-context synthesis: each IP by itself, then the block design; netlist, stub and constraints go to ip/.
proc synthesize {} {
    global bd
    set file [get_files design_$bd(name).bd]
    set_property SYNTH_CHECKPOINT_MODE Hierarchical $file
    make_wrapper -files $file -import -fileset sources_1 -top
    set_property -name {STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS} -value {-mode out_of_context} -objects [get_runs synth_1]
    launch_runs synth_1 -jobs $bd(jobs)
    wait_on_run [get_runs synth_1]
    if {[get_property PROGRESS [get_runs synth_1]] ne "100%"} {
        set run [get_runs synth_1]
        stop "synthesis of $bd(name) failed" [get_property STATUS $run] "read [get_property DIRECTORY $run]/runme.log"
    }
    set ip [file join $bd(folder) ip]
    file delete -force $ip
    file mkdir $ip
    open_run synth_1 -name synth_1
    find_cells
    write_verilog -force -mode synth_stub $ip/$bd(name).v
    write_checkpoint -force $ip/$bd(name).dcp
    write_xdc -force $ip/$bd(name).xdc
    report_utilization -hierarchical -format xml -file $ip/utilization.xml
    # After write_xdc: the linker gives the kernel its clock. An estimate, nothing is placed.
    create_clock -period $bd(period_ns) [get_ports ap_clk]
    report_timing_summary -file $ip/timing.rpt
    close_project
}
