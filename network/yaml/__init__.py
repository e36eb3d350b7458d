"""Descriptions as YAML text: read with line numbers, inherited, and changed in place."""
