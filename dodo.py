"""The build graph, and nothing else. `doit list` says what there is; `doit network=<name or yaml> …` chooses the network.

    doit                 sources of every IP, C simulation, checks of the block design, the xclbin
    doit -n 2 csim       C simulation of all IPs, two at a time
    doit csim:res3a      one IP
    doit folding         what follows from PE and SIMD
    doit demo            all of it, then images classified and the three arithmetics compared
    doit test            what CI runs
"""

from __future__ import annotations

import sys
from functools import cache, partial
from pathlib import Path

from doit import get_initial_workdir, get_var
from doit.action import CmdAction
from doit.tools import config_changed

import dataflow
import hls
import ipi
import network
import vitis
from codegen import ToolError, lock, progress, write_changed, write_tree
from network import DescriptionError, ParameterError, images, parameters

ROOT = Path(__file__).parent
FRAMES = 16  # images every bench simulates


def description() -> Path:
    chosen = str(get_var("network", "digits"))
    if chosen.endswith((".yaml", ".yml")):
        return Path(get_initial_workdir()) / chosen
    return Path("configs") / f"{chosen}.yaml"


YAML = description()
try:
    NET = network.load(YAML)
    DESIGN = dataflow.lower(NET)
except DescriptionError as error:
    sys.exit(f"error: {error}")

BUILD = Path(get_var("build", "build")) / NET.name
PARAMETERS = YAML.parent / NET.parameters if NET.parameters else ROOT.joinpath("params", f"{NET.name}.npz").relative_to(ROOT)
XCLBIN = BUILD / f"{NET.name}.xclbin"
if not {"list", "info", "help", "clean", "tabcompletion"} & set(sys.argv[1:2]):
    lock.hold(BUILD)

DOIT_CONFIG = {
    "default_tasks": ["csim", "check", "xclbin"],
    "par_type": "thread",  # the work is in child processes
    "continue": True,  # a failed IP fails the build at its end
    "reporter": progress.Progress,
    "backend": "json",
    "dep_file": str(BUILD / ".doit.json"),
}
step = partial(progress.step, errors=(DescriptionError, ParameterError, ToolError, ipi.CheckError))


@cache
def arrays() -> parameters.Parameters:
    return parameters.load(NET, PARAMETERS)


def generate(ip: dataflow.Ip) -> dict[str, str]:
    texts = hls.render(NET.name, ip, arrays())
    write_tree(BUILD / "hls" / ip.name, texts)
    return {"told": f"{sum(map(len, texts.values())):,} bytes of C++: {ip.title}"}


def task_generate():
    """write the C++ of each IP: layers, constants, top function, test bench"""
    for ip in DESIGN.ips:
        yield {
            "name": ip.name,
            "actions": [(step(generate), [ip])],
            "file_dep": [*hls.TEMPLATES, PARAMETERS],
            "uptodate": [config_changed(repr(ip))],  # the frozen value is its own key
            "targets": [BUILD / "hls" / ip.name / name for name in hls.outputs(ip)],
            "clean": True,
        }


def vectors() -> dict[str, str]:
    tried = images.load(NET, YAML.parent).images[:FRAMES]
    for ip, files in hls.vectors(DESIGN, arrays(), tried).items():
        write_tree(BUILD / "vectors" / ip, files)
    return {"told": f"what the reference says of {len(tried)} images"}


def vector_files(ip: dataflow.Ip) -> list[Path]:
    return [BUILD / "vectors" / ip.name / f"{port.name}.bin" for port in ip.ports]


def task_vectors():
    """compute the test vectors of all IPs with the numpy reference"""
    return {
        "actions": [step(vectors)],
        "file_dep": [PARAMETERS],
        "uptodate": [config_changed(repr((NET, FRAMES)))],
        "targets": [file for ip in DESIGN.ips for file in vector_files(ip)],
        "clean": True,
    }


def csim(ip: dataflow.Ip) -> dict[str, str]:
    folder = BUILD / "csim" / ip.name
    verdict = hls.simulate(ip.name, BUILD / "hls" / ip.name, BUILD / "vectors" / ip.name, FRAMES, folder)
    write_changed(folder / "verdict.txt", verdict + "\n")
    return {"told": verdict}


def task_csim():
    """compile each IP with g++ and compare its streams and loops with the reference and the design"""
    for ip in DESIGN.ips:
        yield {
            "name": ip.name,
            "actions": [(step(csim), [ip])],
            "file_dep": [*(BUILD / "hls" / ip.name / name for name in hls.outputs(ip)), *vector_files(ip), *hls.HEADERS],
            "targets": [BUILD / "csim" / ip.name / "verdict.txt"],
            "clean": True,
        }


def design() -> dict[str, str]:
    for package in (ipi, vitis):
        write_tree(BUILD / package.__name__, package.render(DESIGN))
    return {"told": f"block design of {len(DESIGN.ips)} IPs and {len(DESIGN.links)} streams, packaging, link, floorplan"}


def task_design():
    """write the block design, packaging, link configuration and floorplan"""
    return {
        "actions": [step(design)],
        "file_dep": [*ipi.SOURCES, *vitis.SOURCES],
        "uptodate": [config_changed(repr(DESIGN))],
        "targets": [BUILD / package.__name__ / name for package in (ipi, vitis) for name in package.OUTPUTS],
        "clean": True,
    }


def check() -> dict[str, str]:
    reports = [ipi.check(DESIGN, BUILD / "ipi"), vitis.check(DESIGN, BUILD / "vitis")]
    for report in reports:
        report.require()
    return {"told": "; ".join(map(str, reports))}


def task_check():
    """run the generated Tcl in a Tcl interpreter against a model of the Vivado commands it uses"""
    return {
        "actions": [step(check)],
        "file_dep": [*task_design()["targets"], *ipi.SOURCES],
        "uptodate": [config_changed(repr(DESIGN))],
        "clean": True,
    }


def xclbin() -> dict[str, str]:
    from vitis.emulation import emulation_xclbin  # brings PYNQ along, which takes its time

    data = emulation_xclbin(DESIGN, arrays())
    write_changed(XCLBIN, data)
    return {"told": f"{len(data):,} bytes in {XCLBIN}"}


def task_xclbin():
    """pack the xclbin that PYNQ opens without a card"""
    return {
        "actions": [step(xclbin)],
        "file_dep": [PARAMETERS, ROOT / "vitis" / "emulation.py", ROOT / "vitis" / "xclbin.py"],
        "uptodate": [config_changed(repr(DESIGN))],
        "targets": [XCLBIN],
        "clean": True,
    }


def demo() -> dict[str, str]:
    from vitis.verify import verify

    verdict = verify(NET, arrays(), XCLBIN, images.load(NET, YAML.parent), FRAMES)
    agreed = f"reference, C simulation and emulator agree on all {verdict.codes:,} codes of {verdict.traced} images"
    return {"told": f"{agreed}\n{'':36}{verdict.accuracy}"}


def task_demo():
    """everything for this network, then its images classified through PYNQ and the three arithmetics compared"""
    return {"actions": [step(demo)], "task_dep": ["csim", "check", "xclbin"], "uptodate": [False]}


def folding() -> None:
    from dataflow.report import print_folding

    print_folding(DESIGN)


def task_folding():
    """print what follows from PE and SIMD: cycles per frame and FIFO depths"""
    return {"actions": [folding], "uptodate": [False], "verbosity": 2}


def task_bench():
    """measure: the emulator against onnxruntime (pip install -e '.[bench]')"""
    yield {
        "name": "emulator",
        "doc": "images/s of the emulator and of onnxruntime, in one run",
        "actions": [CmdAction([sys.executable, "-m", "runtime.bench"], shell=False)],
        "uptodate": [False],
        "verbosity": 2,
    }


def task_test():
    """lint, types and tests: what CI runs"""
    for name, command in {
        "lint": ["ruff", "check", "."],
        "types": ["mypy"],
        "pytest": ["pytest", "-q"],
    }.items():
        yield {
            "name": name,
            "actions": [CmdAction([sys.executable, "-m", *command], shell=False)],
            "uptodate": [False],
            "verbosity": 2,
        }
