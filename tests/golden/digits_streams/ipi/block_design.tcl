# Block design of digits_streams: 6 IPs, 5 streams, 4 width converters, 4 SLR crossings in 4 register slices.
# Generated from the description of network digits_streams. Edit that, not this.

source [file join [file dirname [file normalize [info script]]] bd.tcl]

begin_design digits_streams xcu250-figd2104-2L-e 250
reset_tree 3

#          block  VLNV                   SLR
add_block  stem   resflow:hls:stem:1.0   0
add_block  res2a  resflow:hls:res2a:1.0  1
add_block  res2b  resflow:hls:res2b:1.0  2
add_block  res3a  resflow:hls:res3a:1.0  2
add_block  res3b  resflow:hls:res3b:1.0  1
add_block  head   resflow:hls:head:1.0   0

#           name            source  port       bytes  sink   port      bytes  depth  FIFO         SLR of the width converter
add_stream  res2a_codes_in  stem    codes_out  2      res2a  codes_in  2      64     distributed
add_stream  res2b_codes_in  res2a   codes_out  1      res2b  codes_in  4      256    block        2
add_stream  res3a_codes_in  res2b   codes_out  1      res3a  codes_in  4      256    block        2
add_stream  res3b_codes_in  res3a   codes_out  1      res3b  codes_in  4      128    block        1
add_stream  head_codes_in   res3b   codes_out  1      head   codes_in  16     128    block        0

#                port           block  pin     mode    bytes
add_stream_port  S_AXIS_IMAGE   stem   image   Slave   1
add_stream_port  M_AXIS_LABELS  head   labels  Master  4

end_design
synthesize
