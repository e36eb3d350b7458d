"""Cards, over Xilinx's runtime XRT."""
