# Where cells of the block design go. What stands above the CU differs between shells (level0_i/ulp, pfm_top_i/dynamic_region), and
# between CU and design the packager may put `inst`: the filter leaves both open. A name that fits no cell is warned of, and the placer
# chooses: hours of linking are not thrown away for it, and the block design has said so already, when it was synthesized.

# An IP or a FIFO stays within its SLR's part of the dynamic region: the budgets of the SLRs are kept.
proc place_cell_in_slr {slr name} {
    global floorplan
    set pblock $floorplan(pblock)$slr
    if {[get_pblocks -quiet $pblock] eq ""} {
        error "ERROR: no pblock $pblock\n  why: the platform has [get_pblocks -quiet *]\n  fix: correct pblock in dataflow/platforms"
    }
    set found [cells_named $name]
    if {$found ne ""} { add_cells_to_pblock $pblock $found -clear_locs }
}

# A register on a net between SLRs is only guided (UG949): in a pblock it could not move across the boundary to where timing wants it.
# UNCONFIRMED: that the property goes on a module, as in public designs, and not on each primitive in it.
proc guide_cell_to_slr {slr name} {
    set found [cells_named $name]
    if {$found ne ""} { set_property USER_SLR_ASSIGNMENT SLR$slr $found }
}

# The halves of a register slice, in the SLRs it joins. PG085 names the submodules slr_source and slr_dest, PG373 of the same family
# slr_master and slr_slave. UNCONFIRMED which it is after synthesis: both are looked for, at any depth.
proc guide_slice_to_slrs {source sink name} {
    foreach {slr half other} [list $source slr_source slr_master $sink slr_dest slr_slave] {
        set found [cells_named $name/*$half* $name/*$other*]
        if {$found ne ""} { set_property USER_SLR_ASSIGNMENT SLR$slr $found }
    }
}

# The cells of the block design by one of these names.
proc cells_named {args} {
    global floorplan
    set found {}
    foreach name $args {
        lappend found {*}[get_cells -quiet -hierarchical -filter "IS_PRIMITIVE == 0 && NAME =~ */$floorplan(cu)/*$floorplan(design)_i/$name"]
    }
    if {$found eq ""} {
        puts "CRITICAL WARNING: no cell [join $args { or }] in $floorplan(cu)\n  why: the floorplan knows it by that name; the placer\
            chooses its SLR\n  fix: look for it among get_cells -hierarchical"
    }
    return $found
}
