# IP Integrator: cells, pins, nets, external interfaces, addresses, validation (UG835 and UG994).
#
# Not modelled: hierarchy below the top, several block designs, propagation of anything but FIFO widths, clock domains (there is one),
# bus parameters other than widths, the vendor's design rule checks beyond those below.

namespace eval model {
    variable design ""        ;# the block design
    variable validated 0
    variable saved 0
    variable nets {}          ;# lists of pins and ports that are connected
    variable interface_nets {}
}

proc model::reset_block_design {} {
    foreach {name value} {design "" validated 0 saved 0 nets {} interface_nets {}} { variable $name $value }
}

proc vivado::create_bd_design {args} {
    lassign [model::options create_bd_design $args {-dir}] options rest
    if {![regexp {^[A-Za-z]\w*$} $rest]} {
        return [model::report "create_bd_design: $rest is no name" "it becomes a module and a file" "use letters, digits and _"]
    }
    if {$model::project eq ""} { model::report "create_bd_design: no project is open" "a block design belongs to one" \
        "call create_project first" }
    if {$model::design ne ""} { return [model::report "create_bd_design: there is one already, $model::design" "this script makes one" \
        "delete the call"] }
    set model::design $rest
    model::create $rest.bd file
    return $rest
}

# Whether there is a block design to work on.
proc model::in_design {command} {
    variable design
    variable saved
    if {$design ne ""} { set saved 0; return 1 }
    report "$command: no block design is open" "it works on one" "call create_bd_design first"
    return 0
}

proc model::new_object {command object} {
    if {[exists $object]} {
        variable origin
        report "$command: [string trimleft $object /] exists already" "it was created at $origin($object)" \
            "delete one of the two, or rename it"
        return 0
    }
    return 1
}

proc vivado::create_bd_port {args} {
    lassign [model::options create_bd_port $args {-dir -type -from -to -freq_hz}] options name
    if {![model::in_design create_bd_port] || ![model::new_object create_bd_port /$name]} { return "" }
    set type [expr {[dict exists $options -type] ? [dict get $options -type] : "undef"}]
    foreach {option value known} [list -dir [dict get $options -dir] {I O IO} -type $type {clk rst intr data ce undef}] {
        if {$value ni $known} { model::report "create_bd_port: $name: $option $value" "it takes [join $known {, }]" "choose one of those" }
    }
    return [model::create /$name port DIR [dict get $options -dir] TYPE $type OWNER "" WIDTH 1]
}

proc vivado::get_ipdefs {args} {
    lassign [model::options get_ipdefs $args {-filter} {-all}] options patterns
    set found {}
    foreach pattern $patterns {
        foreach vlnv [model::offered] {
            if {[string match $pattern $vlnv]} { lappend found $vlnv }
        }
    }
    if {$found eq "" && ![dict exists $options -quiet]} { model::unknown_ip get_ipdefs $patterns }
    return $found
}

proc model::unknown_ip {command vlnv} {
    lassign [split $vlnv :] vendor library
    set near [lmap known [lsort [offered]] { if {![string match $vendor:$library:* $known]} continue; set known }]
    report "$command: no IP $vlnv" "the catalog has of $vendor:$library [several $near]" "correct the VLNV, or add the IP to the repository"
}

proc vivado::create_bd_cell {args} {
    lassign [model::options create_bd_cell $args {-type -vlnv -reference}] options name
    if {![model::in_design create_bd_cell] || ![model::new_object create_bd_cell /$name]} { return "" }
    set vlnv [expr {[dict exists $options -vlnv] ? [dict get $options -vlnv] : ""}]
    if {$vlnv ni [model::offered]} { return [model::unknown_ip create_bd_cell $vlnv] }
    if {$name eq $model::design} {
        model::report "create_bd_cell: $name is also the name of the block design" \
            "both become a module, and a netlist holds one of a name" \
            "rename the block or the network"
    }
    set cell [model::create /$name cell VLNV $vlnv PATH /$name]
    foreach {pin direction type width only_with} [dict get $model::catalog $vlnv pins] {
        model::create $cell/$pin pin DIR $direction TYPE $type WIDTH $width OWNER $cell ONLY_WITH $only_with
    }
    foreach {pin mode protocol width} [dict get $model::catalog $vlnv interfaces] {
        set interface [model::create $cell/$pin interface MODE $mode PROTOCOL $protocol WIDTH $width OWNER $cell]
        model::put $interface VLNV xilinx.com:interface:${protocol}_rtl:1.0
        if {$protocol eq "aximm"} {
            model::put $interface CONFIG.DATA_WIDTH [lindex $width 0]
            model::put $interface CONFIG.ADDR_WIDTH [lindex $width 1]
        }
    }
    return $cell
}

proc vivado::get_bd_cells {args} { return [model::find get_bd_cells cell $args cell] }
proc vivado::get_bd_ports {args} { return [model::find get_bd_ports port $args port] }
proc vivado::get_bd_intf_ports {args} { return [model::find get_bd_intf_ports interface_port $args "interface port"] }
proc vivado::get_bd_intf_pins {args} { return [model::find get_bd_intf_pins interface $args "interface pin"] }

proc vivado::get_bd_pins {args} {
    return [lmap pin [model::find get_bd_pins pin $args pin] { if {![model::present $pin]} continue; set pin }]
}

# Some pins are there only with a certain value of a property of their cell.
proc model::present {pin} {
    lassign [get $pin ONLY_WITH] property value
    return [expr {$property eq "" || [config_value [get $pin OWNER] CONFIG.$property] eq $value}]
}

# --- nets

proc vivado::connect_bd_net {args} {
    lassign [model::options connect_bd_net $args {-net}] options objects
    set objects [concat {*}$objects]
    if {![model::in_design connect_bd_net]} { return "" }
    if {[llength $objects] < 2} {
        return [model::report "connect_bd_net: [llength $objects] pin to connect: $objects" "a net has two ends" \
            "give a source and its sinks"]
    }
    set net {}
    set others {}
    foreach known $model::nets {
        if {[model::share $known $objects]} { set net [concat $net $known] } else { lappend others $known }
    }
    foreach object $objects {
        set kind [model::kind $object]
        if {$kind ni {pin port}} {
            return [model::report "connect_bd_net: $object is no pin" "it is [expr {$kind eq "" ? "unknown" : "of class $kind"}]" \
                "give pins and ports"]
        }
        # The source may serve more sinks with every call; a sink has one source.
        if {[model::drives $object]} { lappend net $object } elseif {$object in $net} {
            return [model::report "connect_bd_net: [string trimleft $object /] is connected already" "a pin has one net" \
                "delete one of the two connections"]
        } else { lappend net $object }
    }
    set net [lsort -unique $net]
    set sources [lmap object $net { if {![model::drives $object]} continue; set object }]
    if {[llength $sources] > 1} {
        return [model::report "connect_bd_net: two sources on one net: [join [lmap source $sources {string trimleft $source /}] {, }]" \
            "a net has one source" "connect one of them"]
    }
    set model::nets [linsert $others end $net]
    return ""
}

proc model::share {first second} {
    foreach element $first {
        if {$element in $second} { return 1 }
    }
    return 0
}

proc model::drives {object} { return [expr {([kind $object] eq "pin") == ([get $object DIR] eq "O")}] }

proc vivado::connect_bd_intf_net {args} {
    lassign [model::options connect_bd_intf_net $args {-intf_net} {-boundary_type}] options objects
    if {![model::in_design connect_bd_intf_net]} { return "" }
    set objects [concat {*}$objects]
    if {[llength $objects] != 2} {
        return [model::report "connect_bd_intf_net: [llength $objects] interfaces to connect: $objects" "it joins a master and a slave" \
            "give both"]
    }
    set masters 0
    foreach object $objects {
        set kind [model::kind $object]
        if {$kind ni {interface interface_port}} {
            return [model::report "connect_bd_intf_net: $object is no interface" \
                "it is [expr {$kind eq "" ? "unknown" : "of class $kind"}]" "give two interfaces"]
        }
        incr masters [expr {([model::get $object MODE] eq "Master") == ($kind eq "interface")}]
    }
    if {$masters != 1} {
        set names [join [lmap object $objects {string trimleft $object /}] " and "]
        return [model::report "connect_bd_intf_net: $names are both [model::get [lindex $objects 0] MODE]" "a master goes with a slave" \
            "give one of each"]
    }
    foreach object $objects {
        if {[model::peer $object] ne ""} {
            return [model::report "connect_bd_intf_net: [string trimleft $object /] is connected already" \
                "to [string trimleft [model::peer $object] /]; an interface has one net" "delete one of the two connections"]
        }
    }
    lappend model::interface_nets $objects
    return ""
}

# What an interface is connected to.
proc model::peer {object} {
    variable interface_nets
    foreach net $interface_nets {
        set index [lsearch -exact $net $object]
        if {$index >= 0} { return [lindex $net [expr {1 - $index}]] }
    }
    return ""
}

proc vivado::make_bd_intf_pins_external {args} {
    lassign [model::options make_bd_intf_pins_external $args {-name}] options pins
    if {![model::in_design make_bd_intf_pins_external]} { return "" }
    foreach pin [concat {*}$pins] {
        if {[model::peer $pin] ne ""} {
            model::report "make_bd_intf_pins_external: [string trimleft $pin /] is connected already" \
                "to [string trimleft [model::peer $pin] /]; an interface has one net" "delete one of the two calls"
            continue
        }
        set port /[lindex [split $pin /] end]_0
        if {![model::new_object make_bd_intf_pins_external $port]} continue
        model::create $port interface_port MODE [model::get $pin MODE] VLNV [model::get $pin VLNV] PROTOCOL [model::get $pin PROTOCOL]
        foreach name {CONFIG.DATA_WIDTH CONFIG.ADDR_WIDTH} { model::put $port $name [model::get $pin $name] }
        lappend model::interface_nets [list $pin $port]
    }
    return ""
}

proc model::rename_port {port name} {
    variable interface_nets
    variable property
    if {![new_object set_property /$name]} { return "" }
    create /$name interface_port
    foreach {key value} [array get property $port,*] { set property(/$name,[string range $key [string length $port,] end]) $value }
    remove $port
    set interface_nets [lmap net $interface_nets { lmap object $net { expr {$object eq $port ? "/$name" : $object} } }]
    return ""
}

# --- addresses

proc vivado::assign_bd_address {args} {
    model::options assign_bd_address $args {-offset -range -target_address_space} {-force}
    if {![model::in_design assign_bd_address]} { return "" }
    foreach pin [model::all interface] {
        set port [model::peer $pin]
        if {[model::kind $port] ne "interface_port" || [model::get $pin PROTOCOL] ne "aximm"} continue
        set cell [model::get $pin OWNER]
        if {[model::get $pin MODE] eq "Master"} {
            set segment $cell/Data_[model::read_property $pin NAME]/SEG_[model::read_property $port NAME]_Reg
        } else {
            set segment $port/SEG_[string trimleft $cell /]_Reg
        }
        if {![model::exists $segment]} { model::create $segment segment OFFSET 0x00000000 RANGE 64K }
    }
    return ""
}

proc vivado::get_bd_addr_segs {args} { return [model::find get_bd_addr_segs segment $args "address segment"] }

# --- validation

proc vivado::validate_bd_design {args} {
    model::options validate_bd_design $args {-design} {-force}
    if {![model::in_design validate_bd_design]} { return "" }
    set model::validated 1
    foreach pin [model::all pin] { model::validate_pin $pin }
    foreach pin [model::all interface] { model::validate_interface $pin }
    foreach cell [model::all cell] { model::validate_cell $cell }
    foreach port [concat [model::all port] [model::all interface_port]] { model::validate_port $port }
    return ""
}

proc vivado::save_bd_design {args} {
    if {[model::in_design save_bd_design]} { set model::saved 1 }
    return ""
}

proc model::net {object} {
    variable nets
    foreach net $nets {
        if {$object in $net} { return $net }
    }
    return ""
}

proc model::validate_pin {pin} {
    variable origin
    if {[get $pin DIR] ne "I" || ![present $pin]} { return "" }
    set name [string trimleft $pin /]
    set what [dict get {clk "clock " rst "reset " data "" intr ""} [get $pin TYPE]]
    set sources [lmap object [net $pin] { if {![drives $object]} continue; set object }]
    if {$sources eq ""} {
        return [report "${what}pin $name is not connected" "every input needs a source" "connect it" $origin([get $pin OWNER])]
    }
    set type [get $sources TYPE]
    set source [string trimleft $sources /]
    if {[get $pin TYPE] eq "clk" && $type ne "clk"} {
        return [report "clock pin $name is driven by $source" "that is no clock" "connect ap_clk" $origin([get $pin OWNER])]
    }
    if {[get $pin TYPE] ne "clk" && $type eq "clk"} {
        return [report "${what}pin $name is driven by $source" "that is a clock" "connect it to its source" $origin([get $pin OWNER])]
    }
    if {[get $pin TYPE] eq "rst" && [get $sources CONFIG.POLARITY] eq "ACTIVE_HIGH"} {
        report "reset pin $name is active low, its source $source ACTIVE_HIGH" "it would never start" "set CONFIG.POLARITY ACTIVE_LOW" \
            $origin([get $pin OWNER])
    }
    set wide [width [get $pin OWNER] [get $pin WIDTH]]
    set from [width [get $sources OWNER] [get $sources WIDTH]]
    if {$wide != $from} {
        report "pin $name is $wide wide, its source $source $from" "a net has one width" "set the width of one to that of the other" \
            $origin([get $pin OWNER])
    }
    return ""
}

proc model::validate_interface {pin} {
    variable origin
    set at $origin([get $pin OWNER])
    set name [string trimleft $pin /]
    set peer [peer $pin]
    if {$peer eq ""} {
        return [report "interface $name is not connected" "a stream without a partner stands still, an AXI interface leads nowhere" \
            "connect it, or make it external" $at]
    }
    if {[get $pin PROTOCOL] ne [get $peer PROTOCOL]} {
        return [report "interface $name is connected to [string trimleft $peer /]" \
            "one is [get $pin PROTOCOL], the other [get $peer PROTOCOL]" \
            "connect interfaces of one kind" $at]
    }
    if {[get $pin MODE] eq "Master" && [get $pin PROTOCOL] eq "axis"} {
        set bytes [stream_bytes $pin]
        set taken [stream_bytes $peer]
        if {$bytes ne "" && $taken ne "" && $bytes != $taken} {
            report "$name sends $bytes bytes, [string trimleft $peer /] takes $taken" "a net joins streams of one width" \
                "put a width converter between them" $at
        }
    }
    set space [get $pin OWNER]/Data_[read_property $pin NAME]
    if {[get $pin MODE] eq "Master" && [get $pin PROTOCOL] eq "aximm" && [lsearch -glob [all segment] $space/*] < 0} {
        report "interface $name has no address" "a master needs an address segment" "call assign_bd_address" $at
    }
    return ""
}

# Values that each are offered, and do not go together (PG085).
proc model::validate_cell {cell} {
    variable origin
    set name [string trimleft $cell /]
    switch -glob [get $cell VLNV] {
        *:axis_data_fifo:* {
            if {[config_value $cell CONFIG.FIFO_MEMORY_TYPE] eq "ultra" && [config_value $cell CONFIG.IS_ACLK_ASYNC]} {
                report "$name: FIFO_MEMORY_TYPE ultra with two clocks" "UltraRAM has one" "use block, or one clock" $origin($cell)
            }
            if {[config_value $cell CONFIG.FIFO_MODE] == 2 && ![config_value $cell CONFIG.HAS_TLAST]} {
                report "$name: packet mode without TLAST" "it holds a packet until its last beat has come" "set HAS_TLAST, or FIFO_MODE 1" \
                    $origin($cell)
            }
        }
        *:axi_dma:* {
            if {[config_value $cell CONFIG.c_include_sg] || [config_value $cell CONFIG.c_include_s2mm]} {
                report "$name: scatter-gather or the writing channel" "the model knows the reading channel alone, without descriptors" \
                    "set c_include_sg 0 and c_include_s2mm 0" $origin($cell)
            }
        }
        *:axis_register_slice:* {
            set crosses [expr {[config_value $cell CONFIG.NUM_SLR_CROSSINGS] > 0}]
            if {$crosses && [config_value $cell CONFIG.REG_CONFIG] != 15} {
                report "$name: NUM_SLR_CROSSINGS without REG_CONFIG 15" "only the Multi SLR Crossing mode counts them" "set REG_CONFIG 15" \
                    $origin($cell)
            }
        }
    }
    return ""
}

proc model::validate_port {port} {
    variable origin
    set connected [expr {[kind $port] eq "port" ? [net $port] : [peer $port]}]
    if {$connected eq ""} {
        report "port [string trimleft $port /] is not connected" "it would come out of nothing" "connect it, or delete it" $origin($port)
    }
    return ""
}
