"""The xclbin: the container format, the manifest and the network inside it, checked before anything is believed."""
