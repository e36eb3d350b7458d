"""What each operator of a graph makes of constants, and of tensors in whole numbers."""
