"""The emulated device: a card without a card, which computes the network on this machine, bit for bit."""
