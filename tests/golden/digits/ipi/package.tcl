# Kernel digits as digits.xo: 3 AXI masters, 4 arguments.
# Generated from the description of network digits. Edit that, not this.

source [file join [file dirname [file normalize [info script]]] xo.tcl]

open_kernel resflow:kernel:digits:1.0 xcu250-figd2104-2L-e ap_ctrl_hs
add_master M_AXI_IMAGES
add_master M_AXI_LABELS
add_master M_AXI_WEIGHTS
add_slave S_AXI_CONTROL 4096
close_kernel
write_xo
