# Put a cell of the block design into its SLR's part of the dynamic region. What stands above the CU differs between shells
# (level0_i/ulp, pfm_top_i/dynamic_region), and between CU and design the packager may put `inst`: the filter leaves both open.
proc place_cell_in_slr {slr name} {
    global floorplan
    set pblock $floorplan(pblock)$slr
    if {[get_pblocks -quiet $pblock] eq ""} {
        error "no pblock $pblock\n  why: the platform has [get_pblocks -quiet *]\n  fix: correct pblock in configs/platforms"
    }
    set found [get_cells -quiet -hierarchical -filter "NAME =~ */$floorplan(cu)/*$floorplan(design)_i/$name"]
    if {[llength $found] != 1} {
        set fix "look for it among get_cells -hierarchical"
        error "[llength $found] cells $name in $floorplan(cu), not 1\n  why: the floorplan places each once\n  fix: $fix"
    }
    add_cells_to_pblock $pblock $found -clear_locs
}
