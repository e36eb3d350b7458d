"""The report of a network: what was predicted and what the tools measured, for people and for programs, and its baseline."""
