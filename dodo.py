"""The build graph, and nothing else. `doit list` says what there is; `doit network=<name or yaml> …` chooses the network.

The tasks most used:

    doit                 sources of every IP, C simulation, checks of the block design, the xclbin
    doit -n 2 csim       C simulation of all IPs, two at a time
    doit csim:res3a      one IP
    doit params          random parameters for a network nobody has trained
    doit folding         what follows from PE and SIMD
    doit demo            all of it, then images classified and the three arithmetics compared
    doit test            what CI runs
"""

from __future__ import annotations

import hashlib
import os
import shutil
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
IMPORT = "python -m network.importers.finn_headers SRC_DIR"


def description() -> Path:
    """The file of `network=`: a name in configs, or a path from where doit was called."""
    chosen = str(get_var("network", "digits"))
    if chosen.endswith((".yaml", ".yml")):
        return Path(get_initial_workdir()) / chosen
    known = sorted(path.stem for path in Path("configs").glob("*.yaml"))
    if chosen not in known:
        sys.exit(
            f"error: network={chosen}: no such network\n  why: descriptions stand in configs/<network>.yaml\n"
            f"  fix: choose from {', '.join(known)}, or name a file: network=PATH.yaml"
        )
    return Path("configs") / f"{chosen}.yaml"


sys.excepthook = progress.excepthook
YAML = description()
try:
    NET = network.load(YAML)
    DESIGN = dataflow.lower(NET)
except DescriptionError as error:
    sys.exit(f"error: {error}")

# Images every bench simulates: 16, fewer where a frame is many millions of firings; doit frames=N sets another number.
FRAMES = int(get_var("frames", min(16, max(1, 8_000_000 // sum(process.cycles for ip in DESIGN.ips for process in ip.processes)))))
BUILD = Path(get_var("build", "build")) / NET.name
TRAINED = YAML.parent / NET.parameters if NET.parameters else ROOT.joinpath("params", f"{NET.name}.npz").relative_to(ROOT)
DRAWN = BUILD / f"{NET.name}-random.npz"
IS_RANDOM = not TRAINED.exists() and (DRAWN.exists() or "params" in sys.argv[1:])
PARAMETERS = DRAWN if IS_RANDOM else TRAINED
XCLBIN = BUILD / f"{NET.name}.xclbin"
if not progress.only_asks(sys.argv[1:]):
    try:
        lock.hold(BUILD)
    except OSError as error:
        sys.exit(
            f"error: {error.filename}: {error.strerror}\n  why: everything built goes into {BUILD}\n  fix: choose another folder: build=PATH"
        )


class Reporter(progress.Progress):
    remark = f"parameters drawn at random, {DRAWN}: for building and timing, the labels mean nothing" if IS_RANDOM else ""


DOIT_CONFIG = {
    "default_tasks": ["csim", "check", "xclbin"],
    "par_type": "thread",  # the work is in child processes
    "continue": True,  # a failed IP fails the build at its end
    "reporter": Reporter,
    "backend": "json",
    "dep_file": str(BUILD / ".doit.json"),
}
step = partial(progress.step, errors=(DescriptionError, ParameterError, ToolError, OSError))


@cache
def arrays() -> parameters.Parameters:
    return parameters.load(NET, PARAMETERS)


def read_parameters() -> None:
    if not PARAMETERS.exists():
        raise ParameterError(
            str(PARAMETERS),
            "there is no such file",
            why=f"the parameters of {NET.name} are read from it",
            fix=(
                f"import them: {IMPORT} {PARAMETERS} --fc-weights fcweights.csv, or " if NET.name == "resnet50_w1a2" else "train them, or "
            )
            + f"draw random ones to build and time it: doit params network={get_var('network', 'digits')}",
        )
    arrays()


def task__parameters():
    """read the parameters before whoever needs them does: what is wrong with them is told once"""
    return {
        "actions": [step(read_parameters)],
        "file_dep": [PARAMETERS],
        "uptodate": [PARAMETERS.exists(), config_changed(repr(parameters.specs(NET)))],
    }


def draw() -> dict[str, str]:
    if TRAINED.exists():
        return {"told": f"none drawn: {TRAINED} is there"}
    parameters.save(DRAWN, parameters.draw(NET, seed=0))
    return {"told": f"random numbers in {DRAWN}, used until there is a {TRAINED}"}


def task_params():
    """draw parameters at random, to build and time a network nobody has trained"""
    return {
        "actions": [step(draw)],
        "uptodate": [config_changed(repr((parameters.specs(NET), TRAINED.exists())))],
        "targets": [DRAWN],
        "clean": True,
    }


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
            "file_dep": [*hls.SOURCES, PARAMETERS],
            "task_dep": ["_parameters"],
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
        "file_dep": [PARAMETERS, ROOT / "network" / "reference.py", *images.files(NET, YAML.parent)],
        "task_dep": ["_parameters"],
        "uptodate": [config_changed(repr((NET, FRAMES)))],
        "targets": [file for ip in DESIGN.ips for file in vector_files(ip)],
        "clean": True,
    }


def csim(ip: dataflow.Ip) -> dict[str, str]:
    folder, given = BUILD / "csim" / ip.name, BUILD / "vectors" / ip.name
    verdict = hls.simulate(ip.name, BUILD / "hls" / ip.name, given, hls.frame_count(ip, given), folder).verdict
    write_changed(folder / "verdict.txt", verdict + "\n")
    return {"told": verdict}


def task_csim():
    """compile each IP with g++ and compare its streams and loops with the reference and the design"""
    for ip in DESIGN.ips:
        yield {
            "name": ip.name,
            "actions": [(step(csim), [ip])],
            "file_dep": [*(BUILD / "hls" / ip.name / name for name in hls.outputs(ip)), *vector_files(ip), *hls.HEADERS],
            "uptodate": [config_changed({name: os.environ.get(name, "") for name in ("CXX", "XILINX_HLS")})],
            "targets": [BUILD / "csim" / ip.name / "verdict.txt"],
            "clean": [(shutil.rmtree, [BUILD / "csim" / ip.name, True])],
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
        "file_dep": [*task_design()["targets"], *ipi.SOURCES, *vitis.SOURCES],
        "uptodate": [config_changed(repr(DESIGN))],
        "clean": True,
    }


def xclbin() -> dict[str, str]:
    from vitis.emulation import emulation_xclbin  # brings PYNQ along, which takes its time

    data = emulation_xclbin(DESIGN, arrays(), versions={"parameters": "random"} if IS_RANDOM else {})
    write_changed(XCLBIN, data)
    return {"told": f"{len(data):,} bytes in {XCLBIN}", "sha256": hashlib.sha256(data).hexdigest()}


def undamaged(task: object, values: dict[str, str]) -> bool:  # noqa: ARG001 (doit passes both, by these names)
    return XCLBIN.exists() and hashlib.sha256(XCLBIN.read_bytes()).hexdigest() == values.get("sha256")


XCLBIN_SOURCES = [("vitis", "emulation"), ("vitis", "xclbin"), ("runtime", "manifest"), ("runtime", "sections"), ("runtime", "xclbin")]


def task_xclbin():
    """pack the xclbin that PYNQ opens without a card"""
    return {
        "actions": [step(xclbin)],
        "file_dep": [PARAMETERS, *(ROOT / folder / f"{name}.py" for folder, name in XCLBIN_SOURCES)],
        "task_dep": ["_parameters"],
        "uptodate": [config_changed(repr((DESIGN, IS_RANDOM))), undamaged],
        "targets": [XCLBIN],
        "clean": True,
    }


def demo() -> dict[str, str]:
    from runtime import AcceleratorError
    from vitis.verify import verify

    try:
        verdict = verify(NET, arrays(), XCLBIN, images.load(NET, YAML.parent), FRAMES)
    except AcceleratorError as error:
        raise ToolError(error.where, error.what, why=error.why, fix=error.fix) from None
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


def bench_csim() -> None:
    from hls.bench import bench_csim

    bench_csim(DESIGN, BUILD)


def task_bench():
    """measure: doit bench:csim, doit bench:emulator, doit bench:pipeline"""
    yield {
        "name": "csim",
        "doc": "seconds and megabytes of every IP's C simulation, one after the other",
        "actions": [step(bench_csim)],
        "task_dep": ["generate", "vectors"],
        "uptodate": [False],
        "verbosity": 2,
    }
    yield {
        "name": "emulator",
        "doc": "the emulator on ResNet-50 against onnxruntime (pip install -e '.[bench]')",
        "actions": [CmdAction([sys.executable, "-m", "runtime.bench"], shell=False)],
        "uptodate": [False],
        "verbosity": 2,
    }
    yield {
        "name": "pipeline",
        "doc": "how busy a device of 0.4 ms a frame is kept, by the pipeline and by the original's way",
        "actions": [CmdAction([sys.executable, "-m", "runtime.bench.pipeline"], shell=False)],
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
