"""Names of what is generated. Their prefixes keep the user's names apart from keywords, macros, types, local names and other modules."""

from __future__ import annotations


def cpp_top(ip: str) -> str:
    """The C++ top function of an IP, and its HDL module."""
    return f"resflow_{ip}"


def ip_vlnv(ip: str) -> str:
    """Vendor, library, name and version under which HLS exports an IP and the block design finds it."""
    return f"resflow:hls:{ip}:1.0"


def block_design(network: str) -> str:
    """The block design, and its HDL module."""
    return f"design_{network}"


def kernel_vlnv(network: str) -> str:
    """Vendor, library, name and version of the packaged kernel."""
    return f"resflow:kernel:{network}:1.0"


def compute_unit(network: str) -> str:
    """The kernel's one CU."""
    return f"{network}_1"
