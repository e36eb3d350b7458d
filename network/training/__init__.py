"""Quantization-aware training of the networks whose parameters are committed; needs PyTorch."""
