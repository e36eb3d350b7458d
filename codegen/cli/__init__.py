"""What people see and type: console, options, progress."""
