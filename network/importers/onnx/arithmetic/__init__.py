"""Exact arithmetic of imported graphs: rational numbers, step functions and their thresholds, the factors of joins."""
