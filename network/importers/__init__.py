"""Import trained networks of other projects as a parameter file and a description."""
