"""The Vivado IP Integrator block design that joins the IPs, its packaging as .xo, and the check of both without Vivado."""

from ipi.check import SUFFIXES, Report, check
from ipi.render import OUTPUTS, SOURCES, render
from ipi.tcl_model import CheckError, Finding

__all__ = ["OUTPUTS", "SOURCES", "SUFFIXES", "CheckError", "Finding", "Report", "check", "render"]
