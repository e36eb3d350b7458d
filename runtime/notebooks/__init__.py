"""Notebooks, which `pynq get-notebooks` copies to where the user works."""
