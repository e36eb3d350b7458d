"""Tool runs as values: what they are made of, where they run, and the cache of what they have made."""
