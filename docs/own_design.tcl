# A block design of one's own: the network between a DMA, which reads images from memory, and an IP that takes the labels.
#
# The doorbell stands for an IP of yours, in the folder my_ip: an AXI4-Stream slave `labels` of 4 bytes with clock and reset. With it there:
#
#   doit network=digits_streams ip && vivado -mode batch -source docs/own_design.tcl

create_project -force own own -part xcu250-figd2104-2L-e
set_property ip_repo_paths {build/digits_streams/ip my_ip} [current_project]
update_ip_catalog
create_bd_design own
create_bd_cell -type ip -vlnv resflow:kernel:digits_streams:1.0 net
create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma:7.1 dma
create_bd_cell -type ip -vlnv me:user:doorbell:1.0 doorbell
set_property -dict {CONFIG.c_include_sg 0 CONFIG.c_include_s2mm 0 CONFIG.c_m_axis_mm2s_tdata_width 8 CONFIG.c_sg_length_width 26} [get_bd_cells dma]
connect_bd_intf_net [get_bd_intf_pins dma/M_AXIS_MM2S] [get_bd_intf_pins net/S_AXIS_IMAGE]
connect_bd_intf_net [get_bd_intf_pins net/M_AXIS_LABELS] [get_bd_intf_pins doorbell/labels]

# One clock, one reset; the DMA is controlled and reads memory from outside, by a processor's interconnect for example.
create_bd_port -dir I -type clk -freq_hz 250000000 ap_clk
create_bd_port -dir I -type rst ap_rst_n
set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports ap_rst_n]
foreach pin {net/ap_clk doorbell/ap_clk dma/s_axi_lite_aclk dma/m_axi_mm2s_aclk} {
    connect_bd_net [get_bd_ports ap_clk] [get_bd_pins $pin]
}
foreach pin {net/ap_rst_n doorbell/ap_rst_n dma/axi_resetn} {
    connect_bd_net [get_bd_ports ap_rst_n] [get_bd_pins $pin]
}
create_bd_port -dir O -type intr images_sent
connect_bd_net [get_bd_pins dma/mm2s_introut] [get_bd_ports images_sent]
foreach pin {dma/S_AXI_LITE dma/M_AXI_MM2S} { make_bd_intf_pins_external [get_bd_intf_pins $pin] }
assign_bd_address
validate_bd_design
save_bd_design
