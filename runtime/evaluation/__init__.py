"""How many images of a folder an accelerator labels right."""
