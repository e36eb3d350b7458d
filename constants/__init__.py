"""What hardware holds of a network's parameters: how arrays become rows of memories, and these an image that is loaded; and back.

Build and host compute the same integers, so both use this room. It needs numpy and the standard library alone.
"""
