"""What hardware costs: memories, logic, whole designs."""
