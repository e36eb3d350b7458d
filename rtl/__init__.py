"""The IPs in SystemVerilog: the same units and streams as in C++, simulated to the cycle by Verilator and counted by Yosys."""
