# C synthesis of res2a: 3x2x4 -> 3x2x6, basic, projection bypass; 216 cycles a frame.
# Generated from the description of network toy, res2a. Edit that, not this.

open_project -reset project
set_top resflow_res2a
add_files res2a.cpp -cflags "-std=c++14 -DAP_INT_MAX_W=4096"
open_solution -reset -flow_target vivado solution
set_part xcu250-figd2104-2L-e
create_clock -period 5.000 -name default
set_clock_uncertainty 0.625
config_rtl -module_auto_prefix
config_interface -m_axi_addr64

set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a conv1_weights
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a conv1_thresholds
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a conv2_weights
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a conv2_act_level0
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a conv2_act_level1
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a conv2_act_level2
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a conv2_act_level3
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a bypass_weights
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a bypass_act_level0
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a bypass_act_level1
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a bypass_act_level2
set_directive_bind_storage -type rom_1p -impl lutram resflow_res2a bypass_act_level3
set_directive_bind_storage -type fifo -impl srl resflow_res2a entry_in
set_directive_bind_storage -type fifo -impl srl resflow_res2a main_in
set_directive_bind_storage -type fifo -impl lutram resflow_res2a bypass
set_directive_bind_storage -type fifo -impl srl resflow_res2a conv1_window
set_directive_bind_storage -type fifo -impl srl resflow_res2a conv1_out
set_directive_bind_storage -type fifo -impl srl resflow_res2a conv2_in
set_directive_bind_storage -type fifo -impl srl resflow_res2a conv2_window
set_directive_bind_storage -type fifo -impl srl resflow_res2a conv2_sums
set_directive_bind_storage -type fifo -impl srl resflow_res2a conv2_act_in
set_directive_bind_storage -type fifo -impl srl resflow_res2a conv2_out
set_directive_bind_storage -type fifo -impl srl resflow_res2a bypass_in
set_directive_bind_storage -type fifo -impl srl resflow_res2a bypass_sums
set_directive_bind_storage -type fifo -impl srl resflow_res2a bypass_out
set_directive_bind_storage -type fifo -impl srl resflow_res2a join_in
set_directive_bind_storage -type fifo -impl srl resflow_res2a joined

csynth_design
export_design -format ip_catalog -rtl verilog -vendor resflow -library hls -ipname res2a -version 1.0
exit
