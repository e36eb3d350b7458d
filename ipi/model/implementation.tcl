# What hooks of the linker's own Vivado runs see: the cells of the implemented design, the platform's pblocks, its memory subsystem.
#
# Cells: those of the block design below the CU, with a prefix that stands for any platform's. Not modelled: primitives, sites.

proc model::implemented {} {
    variable netlist
    variable pblocks
    variable design
    set names $netlist
    if {$netlist eq "" && [netlist_open]} {
        # A run of the project: what became of its block design.
        foreach cell [all cell] {
            set name ${design}_i$cell
            lappend names $name
            if {[string match *:axis_register_slice:* [get $cell VLNV]]} { lappend names $name/inst/slr_source $name/inst/slr_dest }
        }
    }
    foreach cell $names {
        if {![exists $cell]} { create $cell cell_instance NAME $cell IS_PRIMITIVE 0 }
    }
    foreach pblock $pblocks {
        if {![exists $pblock]} { create $pblock pblock NAME $pblock }
    }
}

proc vivado::get_cells {args} {
    model::implemented
    lassign [model::options get_cells $args {-filter -of_objects} {-hierarchical}] options patterns
    set found [model::all cell_instance]
    if {![dict exists $options -hierarchical] && $patterns eq ""} { set found {} }
    foreach pattern $patterns { set found [lsearch -all -inline $found $pattern] }
    if {[dict exists $options -filter]} {
        # A cell's NAME is its whole path.
        set found [lmap cell $found { if {![model::filter [dict get $options -filter] $cell]} continue; set cell }]
    }
    return $found
}

proc vivado::get_pblocks {args} {
    model::implemented
    return [model::find get_pblocks pblock $args pblock]
}

proc vivado::add_cells_to_pblock {args} {
    model::implemented
    lassign [model::options add_cells_to_pblock $args {} {-clear_locs -top}] options rest
    lassign $rest pblock cells
    if {[model::kind $pblock] ne "pblock"} {
        return [model::report "add_cells_to_pblock: no pblock $pblock" "the platform has [model::several [model::all pblock]]" \
            "correct the name"]
    }
    if {$cells eq ""} { return [model::report "add_cells_to_pblock: no cell for $pblock" "there is nothing to place" \
        "correct the cell's name"] }
    foreach cell $cells {
        if {[model::get $cell PBLOCK] ne ""} {
            model::report "add_cells_to_pblock: [lindex [split $cell /] end] is in [model::get $cell PBLOCK] already" \
                "a cell is placed once" "delete one of the two calls"
            continue
        }
        model::put $cell PBLOCK $pblock
    }
    return ""
}

# The linker opens the platform's block design for a hook; of its cells the scripts use one.
proc model::open_platform {} {
    variable memories
    variable design
    if {$memories eq ""} { return "" }
    set design platform
    define_ip platform:ip:memory_subsystem:1.0 {} {} {}
    create /memory_subsystem cell VLNV platform:ip:memory_subsystem:1.0 PATH /memory_subsystem
}

proc vivado::sdx_memory_subsystem::update_plram_specification {subsystem memory specification} {
    set rules {
        SIZE {one_of 128K 256K 512K 1M 2M 4M} AXI_DATA_WIDTH {one_of 32 64 128 256 512} SLR_ASSIGNMENT {one_of SLR0 SLR1 SLR2 SLR3}
        READ_LATENCY {integer 1 32} MEMORY_PRIMITIVE {one_of BRAM URAM}
    }
    if {$memory ni $model::memories} {
        return [model::report "update_plram_specification: no memory $memory" "the platform has [model::several $model::memories]" \
            "correct the name"]
    }
    foreach {name value} $specification {
        if {![dict exists $rules $name]} {
            model::report "update_plram_specification: no $name" "it takes [join [dict keys $rules] {, }]" "correct the name"
            continue
        }
        set why [model::broken_rule [dict get $rules $name] $value]
        if {$why ne ""} { model::report "$memory: $name cannot be $value" {*}$why }
    }
    return ""
}

# --- what the answer tells besides findings

proc model::summary {} {
    variable origin
    set lines {}
    foreach {name pattern} {
        fifos xilinx.com:ip:axis_data_fifo:* converters xilinx.com:ip:axis_dwidth_converter:* slices xilinx.com:ip:axis_register_slice:*
        ips resflow:hls:*
    } {
        lappend lines [list count $name [llength [lsearch -all -glob [lmap cell [all cell] { get $cell VLNV }] $pattern]]]
    }
    lappend lines [list count cells [llength [all cell]]]
    lappend lines [list count external [llength [all interface_port]]]
    # The SLR a cell is reset from.
    foreach pin [all pin] {
        if {[get $pin TYPE] ne "rst"} continue
        set slr [reset_slr $pin]
        set cell [get $pin OWNER]
        if {$slr ne ""} { lappend lines [list cell [string trimleft $cell /] $slr $origin($cell)] }
    }
    foreach pin [all interface] {
        if {[get $pin PROTOCOL] ne "axis" || [get $pin MODE] ne "Master" || [kind [peer $pin]] ne "interface"} continue
        set cells [list [get $pin OWNER] [get [peer $pin] OWNER]]
        lappend lines [list stream {*}[lmap cell $cells { string trimleft $cell / }] $origin([lindex $cells 0])]
    }
    return $lines
}

# The SLR of the register of the reset chain that a pin is reset from, through leaves and passthroughs.
proc model::reset_slr {pin} {
    foreach step {leaf register chain} {
        set driver [lindex [lmap object [net $pin] { if {![drives $object]} continue; set object }] 0]
        if {[regexp {^/reset_pipe_slr(\d+)/Q$} $driver all slr]} { return $slr }
        set cell [get $driver OWNER]
        set pin [lindex [lmap input [all pin] {
            if {[get $input OWNER] ne $cell || [get $input DIR] ne "I" || [get $input TYPE] ne "data"} continue
            set input
        }] 0]
        if {$cell eq "" || $pin eq ""} { return "" }
    }
    return ""
}

proc model::placements {} {
    # To a pblock, or towards an SLR.
    set lines {}
    foreach cell [all cell_instance] {
        set place [get $cell PBLOCK [get $cell USER_SLR_ASSIGNMENT]]
        if {$place ne ""} { lappend lines [list placed $cell $place] }
    }
    return $lines
}
