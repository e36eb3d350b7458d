"""Images to labels on loaded accelerators: one call, or a stream that decodes, uploads, runs and downloads at once."""
