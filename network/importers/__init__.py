"""Trained networks of others, read into the parameter file and the description of this project."""
