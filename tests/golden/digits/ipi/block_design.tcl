# Block design of digits: 7 IPs, 8 streams, 4 width converters, 4 SLR crossings in 4 register slices.
# Generated from the description of network digits. Edit that, not this.

source [file join [file dirname [file normalize [info script]]] bd.tcl]

begin_design digits xcu250-figd2104-2L-e 250
reset_tree 3

#          block  VLNV                   SLR
add_block  dma    resflow:hls:dma:1.0    0
add_block  stem   resflow:hls:stem:1.0   0
add_block  res2a  resflow:hls:res2a:1.0  1
add_block  res2b  resflow:hls:res2b:1.0  2
add_block  res3a  resflow:hls:res3a:1.0  2
add_block  res3b  resflow:hls:res3b:1.0  1
add_block  head   resflow:hls:head:1.0   0

#           name            source  port       bytes  sink   port      bytes  depth  FIFO         SLR of the width converter
add_stream  stem_image      dma     image      1      stem   image     1      64     distributed
add_stream  res2a_codes_in  stem    codes_out  2      res2a  codes_in  2      64     distributed
add_stream  res2b_codes_in  res2a   codes_out  1      res2b  codes_in  4      256    block        2
add_stream  res3a_codes_in  res2b   codes_out  1      res3a  codes_in  4      256    block        2
add_stream  res3b_codes_in  res3a   codes_out  1      res3b  codes_in  4      128    block        1
add_stream  head_codes_in   res3b   codes_out  1      head   codes_in  16     128    block        0
add_stream  head_labels     head    labels     4      dma    labels    4      16     distributed
add_stream  head_weights    dma     weights    64     head   weights   64     16     distributed

#              port           block  pin            bits
add_master     M_AXI_IMAGES   dma    m_axi_images   512
add_master     M_AXI_LABELS   dma    m_axi_labels   32
add_master     M_AXI_WEIGHTS  dma    m_axi_weights  512
add_slave      S_AXI_CONTROL  dma    s_axi_control  32
add_interrupt  interrupt      dma    interrupt

assign_addresses
end_design
synthesize
