# Floorplan of digits: 29 cells, 4 register slices over SLR boundaries; v++ has Vivado run it after opt_design.
# Generated from the description of network digits. Edit that, not this.

# Put a cell of the block design into its SLR's part of the dynamic region. What stands above the CU differs between shells
# (level0_i/ulp, pfm_top_i/dynamic_region), and between CU and design the packager may put `inst`: the filter leaves both open.
proc place_cell_in_slr {slr name} {
    global floorplan
    set found [cells_named $name]
    if {[llength $found] != 1} {
        set fix "look for it among get_cells -hierarchical"
        error "ERROR: [llength $found] cells $name in $floorplan(cu), not 1\n  why: the floorplan places each once\n  fix: $fix"
    }
    add_cells_to_pblock [pblock_of_slr $slr] $found -clear_locs
}

proc cells_named {name} {
    global floorplan
    return [get_cells -quiet -hierarchical -filter "NAME =~ */$floorplan(cu)/*$floorplan(design)_i/$name"]
}

proc pblock_of_slr {slr} {
    global floorplan
    set pblock $floorplan(pblock)$slr
    if {[get_pblocks -quiet $pblock] eq ""} {
        error "ERROR: no pblock $pblock\n  why: the platform has [get_pblocks -quiet *]\n  fix: correct pblock in dataflow/platforms"
    }
    return $pblock
}

# Put the halves of a register slice into the SLRs it joins. PG085 names the submodules slr_source and slr_dest, PG373 of the same
# family slr_master and slr_slave. UNCONFIRMED which it is after synthesis: both are looked for, at any depth. Where there is neither,
# hours are not thrown away: the placer puts the slice where it likes, and the log says so.
proc place_slice_in_slrs {source sink name} {
    foreach {slr patterns} [list $source {slr_source slr_master} $sink {slr_dest slr_slave}] {
        set found {}
        foreach pattern $patterns { set found [concat $found [cells_named $name/*$pattern*]] }
        if {$found eq ""} {
            puts "CRITICAL WARNING: $name has no cells [join $patterns { or }]: the placer chooses their SLR"
        } else {
            add_cells_to_pblock [pblock_of_slr $slr] $found -clear_locs
        }
    }
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
place_cell_in_slr  2  fifo_res3a_codes_in
place_cell_in_slr  2  fifo_res3b_codes_in
place_cell_in_slr  1  fifo_head_codes_in
place_cell_in_slr  0  dwc_head_codes_in
place_cell_in_slr  0  fifo_head_labels
place_cell_in_slr  0  fifo_head_weights
place_cell_in_slr  0  reset_pipe_slr0
place_cell_in_slr  0  reset_leaf_slr0
place_cell_in_slr  1  reset_pipe_slr1
place_cell_in_slr  1  reset_leaf_slr1
place_cell_in_slr  2  reset_pipe_slr2
place_cell_in_slr  2  reset_leaf_slr2
place_cell_in_slr  0  reset_leaf_ip_dma
place_cell_in_slr  0  reset_leaf_ip_stem
place_cell_in_slr  1  reset_leaf_ip_res2a
place_cell_in_slr  2  reset_leaf_ip_res2b
place_cell_in_slr  2  reset_leaf_ip_res3a
place_cell_in_slr  1  reset_leaf_ip_res3b
place_cell_in_slr  0  reset_leaf_ip_head

place_slice_in_slrs  0  1  slice_res2a_codes_in_slr0
place_slice_in_slrs  1  2  slice_res2b_codes_in_slr1
place_slice_in_slrs  2  1  slice_res3b_codes_in_slr2
place_slice_in_slrs  1  0  slice_head_codes_in_slr1
