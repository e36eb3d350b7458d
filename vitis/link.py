"""The v++ call that links the kernel. Paths stand here and not in link.cfg, which depends on the hardware alone."""

from __future__ import annotations

from pathlib import Path

from codegen import find
from dataflow.design import Design
from vitis.render import plrams


def command(design: Design, folder: Path, *, xo: Path, xclbin: Path) -> list[str]:
    """The call, with the generated files of `folder`; what v++ leaves besides the xclbin stays in folder/link."""
    folder = folder.resolve()
    hooks = ["--vivado.prop", f"run.impl_1.STEPS.OPT_DESIGN.TCL.POST={folder / 'floorplan.tcl'}"]
    if plrams(design):
        # userPreSysLinkTcl up to 2019.2.
        hooks += ["--advanced.param", f"compiler.userPreSysLinkOverlayTcl={folder / 'plram.tcl'}"]
    work = folder / "link"
    return [
        find("v++"),
        *("-l", "-t", "hw", "--config", str(folder / "link.cfg")),
        *hooks,
        *("--temp_dir", str(work), "--log_dir", str(work / "logs"), "--report_dir", str(work / "reports")),
        *("-o", str(xclbin.resolve()), str(xo.resolve())),
    ]
