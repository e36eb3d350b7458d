# Cosimulation of res2a: its RTL under the bench of C simulation.
# Generated from the description of the network, res2a. Edit that, not this.

open_project project
set_top resflow_res2a
open_solution solution
add_files -tb res2a_tb.cpp -cflags "-std=c++14 -DAP_INT_MAX_W=4096"
cosim_design -rtl verilog -argv "[pwd]/vectors 2 rtl"
exit
