"""Finding a tool, running it, and saying why it failed."""
