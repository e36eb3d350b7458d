# Floorplan of digits: 32 cells, 4 register slices over SLR boundaries; v++ has Vivado run it after opt_design.
# Generated from the description of network digits. Edit that, not this.

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

array set floorplan {cu digits_1 design design_digits pblock pblock_dynamic_SLR}

place_cell_in_slr  0  ip_dma
place_cell_in_slr  0  ip_stem
place_cell_in_slr  1  ip_res2a
place_cell_in_slr  2  ip_res2b
place_cell_in_slr  2  ip_res3a
place_cell_in_slr  1  ip_res3b
place_cell_in_slr  0  ip_head
place_cell_in_slr  0  fifo_stem_image
place_cell_in_slr  0  fifo_res2a_codes_in
place_cell_in_slr  1  fifo_res2b_codes_in
place_cell_in_slr  2  dwc_res2b_codes_in
place_cell_in_slr  2  fifo_res3a_codes_in
place_cell_in_slr  2  dwc_res3a_codes_in
place_cell_in_slr  2  fifo_res3b_codes_in
place_cell_in_slr  1  dwc_res3b_codes_in
place_cell_in_slr  1  fifo_head_codes_in
place_cell_in_slr  0  dwc_head_codes_in
place_cell_in_slr  0  fifo_head_labels
place_cell_in_slr  0  fifo_head_weights
guide_cell_to_slr  0  reset_pipe_slr0
place_cell_in_slr  0  reset_leaf_slr0
guide_cell_to_slr  1  reset_pipe_slr1
place_cell_in_slr  1  reset_leaf_slr1
guide_cell_to_slr  2  reset_pipe_slr2
place_cell_in_slr  2  reset_leaf_slr2
place_cell_in_slr  0  reset_leaf_ip_dma
place_cell_in_slr  0  reset_leaf_ip_stem
place_cell_in_slr  1  reset_leaf_ip_res2a
place_cell_in_slr  2  reset_leaf_ip_res2b
place_cell_in_slr  2  reset_leaf_ip_res3a
place_cell_in_slr  1  reset_leaf_ip_res3b
place_cell_in_slr  0  reset_leaf_ip_head

guide_slice_to_slrs  0  1  slice_res2a_codes_in_slr0
guide_slice_to_slrs  1  2  slice_res2b_codes_in_slr1
guide_slice_to_slrs  2  1  slice_res3b_codes_in_slr2
guide_slice_to_slrs  1  0  slice_head_codes_in_slr1
