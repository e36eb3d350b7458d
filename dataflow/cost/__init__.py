"""Estimated hardware cost: of memories, logic and whole designs."""
