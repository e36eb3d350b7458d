# IP digits_streams: 2 streams.
# Generated from the description of network digits_streams. Edit that, not this.

source [file join [file dirname [file normalize [info script]]] xo.tcl]

open_ip resflow:kernel:digits_streams:1.0 xcu250-figd2104-2L-e
add_clock ap_clk 250
add_stream S_AXIS_IMAGE
add_stream M_AXIS_LABELS

close_ip
