"""Measures the emulator against onnxruntime on this machine: `python -m runtime.bench`, which takes the extra `bench`."""
