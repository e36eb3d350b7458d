"""The Vivado IP Integrator block design that joins the IPs, its packaging as .xo, and the check of both without Vivado."""

from ipi.check import Report, check
from ipi.jobs import NETLIST, package_job, stitch_job, stitched
from ipi.render import outputs, render
from ipi.tcl_model import CheckError, Finding
from ipi.xo import normalized

__all__ = [
    "NETLIST",
    "CheckError",
    "Finding",
    "Report",
    "check",
    "normalized",
    "outputs",
    "package_job",
    "render",
    "stitch_job",
    "stitched",
]
