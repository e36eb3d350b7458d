"""What all devices have in common, emulated or not: what PYNQ asks of a device, its memory, registers, runs and sensors."""
