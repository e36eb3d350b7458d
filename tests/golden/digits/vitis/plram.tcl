# On-chip memory banks for digits: 0 made larger; v++ runs this before it links the system.
# Generated from the description of network digits. Edit that, not this.
