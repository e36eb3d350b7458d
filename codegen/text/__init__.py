"""Text that is generated: templates, and files that are written only when their content changes."""
