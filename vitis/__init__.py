"""Linking for a card: the v++ configuration, the floorplan, their check, and the xclbin container."""

from vitis.check import Report, check
from vitis.jobs import link_job
from vitis.render import OUTPUTS, render

__all__ = ["OUTPUTS", "Report", "check", "link_job", "render"]
