# Kernel digits as digits.xo: 3 AXI masters, 4 arguments.
# Generated from the description of network digits. Edit that, not this.

source [file join [file dirname [file normalize [info script]]] xo.tcl]

open_ip resflow:kernel:digits:1.0 xcu250-figd2104-2L-e
add_clock ap_clk 250
make_kernel ap_ctrl_chain
add_interrupt interrupt
add_master M_AXI_IMAGES
add_master M_AXI_LABELS
add_master M_AXI_WEIGHTS
add_slave S_AXI_CONTROL 4096

#             register    offset  bits  master
add_register  CTRL        0x00    32
add_register  GIER        0x04    32
add_register  IP_IER      0x08    32
add_register  IP_ISR      0x0C    32
add_register  in          0x10    64    M_AXI_IMAGES
add_register  out         0x1C    64    M_AXI_LABELS
add_register  weightsmem  0x28    64    M_AXI_WEIGHTS
add_register  numReps     0x34    32

close_ip
write_xo
