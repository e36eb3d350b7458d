"""Linking for a card: the v++ configuration, the floorplan, their check, and the xclbin container."""

from vitis.check import Report, check
from vitis.render import OUTPUTS, SOURCES, render

__all__ = ["OUTPUTS", "SOURCES", "Report", "check", "render"]
