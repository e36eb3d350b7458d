"""The build graph, and nothing else. `doit list` says what there is; `doit network=<name or yaml> platform=<card> …` chooses the network
and, where it is not to be the description's own, the card.

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
from codegen import ToolError, answers, lock, progress, write_changed, write_tree
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


def platform() -> str | None:
    """The card of `platform=`, where it is not to be the description's own."""
    chosen, known = get_var("platform", None), dataflow.platform.known()
    if chosen is not None and chosen not in known:
        sys.exit(
            f"error: platform={chosen}: no such card\n  why: cards stand in configs/platforms/<card>.yaml\n"
            f"  fix: choose from {', '.join(known)}"
        )
    return chosen


sys.excepthook = progress.excepthook
YAML = description()
try:
    NET = network.load(YAML, platform())
    BUILD = Path(get_var("build", "build")) / (f"{NET.name}-{platform()}" if platform() else NET.name)
    ANSWERS = answers.load(BUILD / "answers.json")
    DESIGN = dataflow.lower(NET, ANSWERS)
except DescriptionError as error:
    sys.exit(f"error: {error}")

# Images every bench simulates: 16, fewer where a frame is many millions of firings; doit frames=N sets another number.
FRAMES = int(get_var("frames", min(16, max(1, 8_000_000 // sum(process.cycles for ip in DESIGN.ips for process in ip.processes)))))
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
    if ANSWERS:
        answers.save(BUILD / "answers.json", ANSWERS)


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


def estimate() -> None:
    from dataflow.estimate_report import print_estimate

    print_estimate(DESIGN)


def task_estimate():
    """print what the design will cost, an estimate: LUTs, flip-flops, BRAM, UltraRAM, DSPs of each IP"""
    return {"actions": [estimate], "uptodate": [False], "verbosity": 2}


def floorplan() -> None:
    from dataflow.floorplan_report import print_floorplan

    print_floorplan(DESIGN)


def task_floorplan():
    """print the SLR of every IP as YAML, what that leaves of each SLR, and the wires between them"""
    return {"actions": [floorplan], "uptodate": [False], "verbosity": 2}


def fold(fps: int, fastest: bool, plot: str) -> None:
    from dataflow.fold_report import print_fold

    print_fold(DESIGN, fps=fps, want_fastest=fastest, plot=Path(plot) if plot else None)


def task_fold():
    """search PE and SIMD: doit fold --fps N for the least resources, doit fold --max for the fastest that fits"""
    return {
        "actions": [fold],
        "params": [
            {"name": "fps", "long": "fps", "type": int, "default": 0, "help": "frames a second; those of the design where it is left out"},
            {"name": "fastest", "long": "max", "type": bool, "default": False, "help": "the fastest that fits the card"},
            {"name": "plot", "long": "plot", "type": str, "default": "", "help": "file for the trade-off curve (extra `plot`)"},
        ],
        "uptodate": [False],
        "verbosity": 2,
    }


def predict(latency: int, call_us: float, transfer_us: float, plot: str) -> None:
    from dataflow.prediction import Pipeline, rough_latency
    from dataflow.prediction_report import print_prediction

    pipeline = Pipeline(
        clock_mhz=NET.clock_mhz,
        interval_cycles=DESIGN.cycles,
        latency_cycles=latency or rough_latency(DESIGN),
        call_us=call_us,
        transfer_us=transfer_us,
    )
    print_prediction(DESIGN, pipeline, Path(plot) if plot else None)


def task_predict():
    """print frames/s and latency against the batch size, beside what was published"""
    return {
        "actions": [predict],
        "params": [
            {
                "name": "latency",
                "long": "latency",
                "type": int,
                "default": 0,
                "help": "cycles of the first frame; a rough sum where left out",
            },
            {"name": "call_us", "long": "call-us", "type": float, "default": 100.0, "help": "microseconds a call costs the host"},
            {"name": "transfer_us", "long": "transfer-us", "type": float, "default": 0.0, "help": "microseconds a frame costs the host"},
            {"name": "plot", "long": "plot", "type": str, "default": "", "help": "file for the plot (extra `plot`)"},
        ],
        "uptodate": [False],
        "verbosity": 2,
    }


def bench_csim() -> None:
    from hls.bench import bench_csim

    bench_csim(DESIGN, BUILD)


def task_bench():
    """measure: doit bench:csim, doit bench:emulator"""
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
