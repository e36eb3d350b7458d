"""The build graph, and nothing else. `doit list` says what there is; `doit network=<name or yaml> platform=<card> …` chooses the network
and, where it is not to be the description's own, the card.

The tasks most used:

    doit                 sources of every IP, C simulation, checks of the block design, the xclbin
    doit -n 2 csim       C simulation of all IPs, two at a time
    doit csim:res3a      one IP
    doit synth:res3a     with the vendor's tools: C synthesis and export of one IP; cosim:res3a then simulates its RTL
    doit -n 8 link       all of it: every IP, the block design, the kernel, the xclbin for the card
    doit cache           what finished jobs have left, shared between builds; --prune-days, --prune-gb
    doit params          random parameters for a network nobody has trained
    doit folding         what follows from PE and SIMD
    doit due             which IPs have changed since they were last simulated and synthesized
    doit report          what the vendor tools have found so far
    doit demo            all of it, then images classified and the three arithmetics compared
    doit test            what CI runs
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from doit import doit_cmd, get_initial_workdir, get_var
from doit.action import CmdAction
from doit.tools import config_changed

if not (3, 10) <= sys.version_info < (3, 13):  # as pyproject.toml has it, which a checkout that is not installed does not ask
    sys.exit(
        f"error: Python {sys.version_info[0]}.{sys.version_info[1]} is not one that resflow runs on\n"
        "  why: PYNQ 4 needs numpy 1 and grpcio 1.64, which are there for Python 3.10 to 3.12\n"
        "  fix: make the virtual environment with one of these: python3.12 -m venv .venv"
    )

import dataflow
import hls
import ipi
import network
import network.paths
import vitis
from codegen import ToolError, answers, books, console, lock, options, progress, releases, tools, write_changed, write_tree
from codegen.cache import Cache, default_root
from codegen.dispatch import JOBS_ON_CLUSTER, Dispatch, require_one_release
from codegen.options import OptionError
from dataflow import TimingError
from dataflow.choose.fit import FitError, fit
from network import DescriptionError, ParameterError, images, parameters
from network.errors import Source

ROOT = Path(__file__).parent
IMPORT = "python -m network.importers.finn_headers SRC_DIR"
VARIABLES = {
    "network": "digits",
    "platform": "u250",
    "build": "PATH",
    "frames": "16",
    "cluster": "tcp://HOST:8786",
    "timeout_minutes": "600",
    "memory_gb": "24",
    "fit": "anyway",
}
"""What `doit NAME=VALUE …` may set, with a value each could have."""
COUNTED = {
    "frames": options.whole("frames=", 1, 100_000, "it counts the images every bench simulates"),
    "timeout_minutes": options.number("timeout_minutes=", 0.001, 1_000_000, "it counts the minutes a job may take"),
    "memory_gb": options.number("memory_gb=", 0, 1_000_000, "it counts the gigabytes set aside for a job"),
}


def option(long: str, convert: Callable[[str], object], default: object, text: str) -> dict[str, object]:
    """An option of a task, whose value is checked before anything is begun."""
    return {"name": long.replace("-", "_"), "long": long, "type": options.or_exit(convert), "default": default, "help": text}


def counted(name: str) -> float | None:
    """The number a variable has, None where it is left out."""
    text = get_var(name, None)
    return None if text is None else options.or_exit(COUNTED[name])(text)


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


console.degrade()
sys.excepthook = progress.excepthook
try:
    options.require_jobs(sys.argv[1:])
    options.require_known(doit_cmd._CMDLINE_VARS or {}, VARIABLES)
    if fit_asked := get_var("fit", None):
        options.choice("fit=", ("anyway",), "builds go on although the estimate says that the design does not fit")(fit_asked)
except OptionError as error:
    sys.exit(f"error: {error}")
ANYWAY = fit_asked == "anyway"
YAML = description()
try:
    NET = network.load(YAML, platform())
    BUILD = Path(get_var("build", "build")) / (f"{NET.name}-{platform()}" if platform() else NET.name)
    ANSWERS = answers.load(BUILD / "answers.json")
    DESIGN = dataflow.plan(NET, ANSWERS)
except DescriptionError as error:
    sys.exit(f"error: {error}")

# Images every bench simulates: 16, fewer where a frame is many millions of firings; doit frames=N sets another number.
FIRINGS = sum(unit.cycles for ip in DESIGN.ips for unit in ip.units)
FRAMES = int(counted("frames") or min(16, max(1, 8_000_000 // FIRINGS)))
TRAINED = (
    Path(os.path.normpath(YAML.parent / network.paths.named(NET.parameters)))
    if NET.parameters
    else ROOT.joinpath("params", f"{NET.name}.npz").relative_to(ROOT)
)
DRAWN = BUILD / f"{NET.name}-random.npz"
IS_RANDOM = not TRAINED.exists() and (DRAWN.exists() or "params" in sys.argv[1:])
PARAMETERS = DRAWN if IS_RANDOM else TRAINED
VERSIONS = {"parameters": "random"} if IS_RANDOM else {}  # labels what is built with them
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


def asked(*steps: str) -> bool:
    """Whether one of these steps, or a task of it, is named on the command line."""
    return any(word.partition(":")[0] in steps for word in sys.argv[1:])


CACHE = Cache(default_root(), progress.remark)
try:
    JOBS = Dispatch(
        build=BUILD,
        cache=CACHE,
        address=str(get_var("cluster", "")),
        away=("synth", "cosim", *(["csim"] if asked("csim") else [])),
        timeout_minutes=counted("timeout_minutes"),
        memory_gb=counted("memory_gb"),
    )
    if JOBS.address and not progress.only_asks(sys.argv[1:]):
        JOBS.require_cluster()
except ToolError as error:
    sys.exit(f"error: {error}")
books.keep()


class Reporter(progress.Progress):
    remark = f"parameters drawn at random, {DRAWN}: for building and timing, the labels mean nothing" if IS_RANDOM else ""


DOIT_CONFIG = {
    "default_tasks": ["csim", "check", "xclbin"],
    "par_type": "thread",  # the work is in child processes
    **({"num_process": JOBS_ON_CLUSTER} if JOBS.address else {}),
    "continue": True,  # a failed IP fails the build at its end
    "reporter": Reporter,
    "backend": "json",
    "dep_file": str(BUILD / ".doit.json"),
}
step = partial(progress.step, errors=(DescriptionError, FitError, OptionError, ParameterError, TimingError, ToolError, OSError))


@cache
def arrays() -> parameters.Parameters:
    return parameters.load(NET, PARAMETERS)


PLACE = [f"{name}={shlex.quote(str(get_var(name)))}" for name in ("network", "platform", "build") if get_var(name)] or ["network=digits"]
"""What chooses this build folder, for a command that is to work in the same one."""


def read_parameters() -> None:
    if not PARAMETERS.exists():
        raise ParameterError(
            str(PARAMETERS),
            "there is no such file",
            why=f"the parameters of {NET.name} are read from it",
            fix=(
                f"import them: {IMPORT} {PARAMETERS} --fc-weights fcweights.csv, or "
                if PARAMETERS.name == "resnet50_w1a2.npz"
                else "train them, or "
            )
            + f"draw random ones to build and time it: doit params {' '.join(PLACE)}",
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
    tried = images.load(NET, YAML.parent).images
    if get_var("frames", None) and len(tried) < FRAMES:
        why = f"the benches simulate {f'the images of {NET.images}' if NET.images else 'images drawn at random'}, each once"
        raise OptionError(f"frames={FRAMES}", f"there are {len(tried)} images", why=why, fix=f"write 1 to {len(tried)}, or leave it out")
    tried = tried[:FRAMES]
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
    given = BUILD / "vectors" / ip.name
    outcome = JOBS.do(hls.csim_job(ip.name, BUILD / "hls" / ip.name, given, hls.frame_count(ip, given), JOBS.limits("csim")))
    return {"told": hls.verdict(outcome.folder / "run.log") + outcome.remark}


def task_csim():
    """compile each IP with g++ and compare its streams and loops with the reference and the design"""
    for ip in DESIGN.ips:
        yield {
            "name": ip.name,
            "actions": [(step(csim), [ip])],
            "file_dep": [*(BUILD / "hls" / ip.name / name for name in hls.outputs(ip)), *vector_files(ip), *hls.HEADERS],
            "uptodate": [config_changed({name: os.environ.get(name, "") for name in ("CXX", "XILINX_HLS")})],
            "targets": [BUILD / "csim" / ip.name / name for name in ("compile.log", "run.log")],
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
    from dataflow.timing.sizing import require_flow
    from vitis.emulation import check_host

    host = check_host(DESIGN)
    require_flow(DESIGN)
    found = fit(DESIGN)
    if not ANYWAY:
        found.require()
    return {"told": "; ".join([*map(str, reports), host, "no deadlock", str(found)])}


def task_check():
    """run the generated Tcl against a model of the Vivado commands it uses; see that nothing deadlocks and that the design fits the card"""
    return {
        "actions": [step(check)],
        "file_dep": [*task_design()["targets"], *ipi.SOURCES, *vitis.SOURCES],
        "uptodate": [config_changed(repr((DESIGN, ANYWAY)))],
        "clean": True,
    }


def xclbin() -> dict[str, str]:
    from vitis.emulation import emulation_xclbin  # brings PYNQ along, which takes its time

    data = emulation_xclbin(DESIGN, arrays(), versions=VERSIONS)
    write_changed(XCLBIN, data)
    return {"told": f"{len(data):,} bytes in {XCLBIN}", "sha256": hashlib.sha256(data).hexdigest()}


def undamaged(task: object, values: dict[str, str]) -> bool:  # noqa: ARG001 (doit passes both, by these names)
    return XCLBIN.exists() and hashlib.sha256(XCLBIN.read_bytes()).hexdigest() == values.get("sha256")


XCLBIN_SOURCES = [
    ("vitis", "emulation"),
    ("vitis", "xclbin"),
    *(("runtime/container", name) for name in ("axlf", "manifest", "sections", "xclbin")),
]


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


def ready() -> None:
    """Everything that can be known of the tools before the first of them starts; what is missing is told once."""
    found = {"hls": JOBS.hls_release()}
    if asked("stitch", "package", "link"):
        found["vivado"] = releases.installed("vivado")
    if asked("link"):
        found["v++"] = releases.installed("v++")
    require_one_release(found)
    if found["hls"].needs_y2k22:
        progress.remark(
            f"{found['hls'].hls[0]} {found['hls'].name} exports no IP after 2021 without AMD's y2k22 patch (answer record 76960)"
        )


HLS_TOOL, VIVADO, VPP = (tools.fingerprint(*names) for names in (releases.FRONT_ENDS, ["vivado"], ["v++"]))


def task__tools():
    """find the vendor's tools, and see that they go together"""
    return {"actions": [step(ready)], "uptodate": [False]}


def longest_first() -> list[dataflow.Ip]:
    """The IPs by how much hardware is to be synthesized: the operations of a cycle, which HLS unrolls one by one."""
    return sorted(DESIGN.ips, key=lambda ip: ip.products, reverse=True)


def synth(ip: dataflow.Ip) -> dict[str, str]:
    release = JOBS.hls_release()
    outcome = JOBS.do(hls.synth_job(DESIGN, ip, BUILD / "hls" / ip.name, release, JOBS.limits("synth")))
    return {"told": f"{hls.read_csynth(outcome.folder / 'csynth.xml')}{outcome.remark}"}


def synth_products(ip: dataflow.Ip) -> list[Path]:
    return [BUILD / "synth" / ip.name / name for name in (f"{ip.name}.zip", "csynth.xml", "csynth.rpt", "project.zip", "synth.log")]


def task_synth():
    """synthesize each IP with the vendor's HLS tool and export it for Vivado: doit -n 8 synth, doit synth:res3a"""
    for ip in longest_first():
        yield {
            "name": ip.name,
            "actions": [(step(synth), [ip])],
            "file_dep": [*(BUILD / "hls" / ip.name / name for name in hls.outputs(ip)), *hls.HEADERS, *hls.SOURCES],
            "task_dep": ["_tools", "check", f"csim:{ip.name}"],
            "uptodate": [config_changed(repr((HLS_TOOL, ip, DESIGN.platform.part, NET.clock_mhz)))],
            "targets": synth_products(ip),
            "clean": [(shutil.rmtree, [BUILD / "synth" / ip.name, True])],
        }


def cosim(ip: dataflow.Ip) -> dict[str, str]:
    project = BUILD / "synth" / ip.name / "project.zip"
    outcome = JOBS.do(
        hls.cosim_job(ip, BUILD / "hls" / ip.name, BUILD / "vectors" / ip.name, project, JOBS.hls_release(), JOBS.limits("cosim"))
    )
    return {"told": f"{hls.simulated(outcome.folder / 'cosim.rpt')}{outcome.remark}"}


def task_cosim():
    """simulate each IP's RTL under the bench of C simulation: doit cosim:res3a"""
    for ip in longest_first():
        yield {
            "name": ip.name,
            "actions": [(step(cosim), [ip])],
            "file_dep": [BUILD / "synth" / ip.name / "project.zip", *vector_files(ip), BUILD / "hls" / ip.name / f"{ip.name}_tb.cpp"],
            "task_dep": ["_tools"],
            "uptodate": [config_changed(HLS_TOOL)],
            "targets": [BUILD / "cosim" / ip.name / name for name in ("cosim.rpt", "cosim.log")],
            "clean": [(shutil.rmtree, [BUILD / "cosim" / ip.name, True])],
        }


def stitch() -> dict[str, str]:
    release = releases.installed("vivado")
    exported = {ip.name: BUILD / "synth" / ip.name / f"{ip.name}.zip" for ip in DESIGN.ips}
    outcome = JOBS.do(ipi.stitch_job(DESIGN, BUILD / "ipi", exported, release, JOBS.limits("stitch")))
    return {"told": f"{len(exported)} IPs in one netlist{outcome.remark}"}


def task_stitch():
    """join the IPs in the block design and synthesize it out of context"""
    return {
        "actions": [step(stitch)],
        "file_dep": [
            *(BUILD / "synth" / ip.name / f"{ip.name}.zip" for ip in DESIGN.ips),
            *(BUILD / "ipi" / name for name in ("block_design.tcl", "bd.tcl")),
        ],
        "task_dep": ["_tools", "check"],
        "uptodate": [config_changed(VIVADO)],
        "targets": [BUILD / "stitch" / name for name in ipi.stitched(DESIGN)],
        "clean": [(shutil.rmtree, [BUILD / "stitch", True])],
    }


def package() -> dict[str, str]:
    outcome = JOBS.do(ipi.package_job(DESIGN, BUILD / "ipi", BUILD / "stitch", releases.installed("vivado"), JOBS.limits("package")))
    packed = outcome.folder / f"{NET.name}.xo"
    write_changed(XO, ipi.normalized(packed.read_bytes()))
    packed.unlink()  # it has the date in it
    return {"told": f"{XO.stat().st_size:,} bytes in {XO}{outcome.remark}"}


XO = BUILD / f"{NET.name}.xo"


def task_package():
    """package the netlist as a kernel: the .xo"""
    return {
        "actions": [step(package)],
        "file_dep": [
            *(BUILD / "stitch" / f"{NET.name}.{suffix}" for suffix in ipi.NETLIST),
            *(BUILD / "ipi" / name for name in ("package.tcl", "xo.tcl", "kernel.xml")),
        ],
        "task_dep": ["_tools"],
        "uptodate": [config_changed(VIVADO)],
        "targets": [XO],
        "clean": [(shutil.rmtree, [BUILD / "package", True])],
    }


def link() -> dict[str, str]:
    from vitis.hardware import hardware_xclbin

    outcome = JOBS.do(vitis.link_job(DESIGN, BUILD / "vitis", XO, releases.installed("v++"), JOBS.limits("link")))
    data = hardware_xclbin(DESIGN, (outcome.folder / "linked.xclbin").read_bytes(), arrays(), versions=VERSIONS)
    write_changed(HARDWARE, data)
    return {"told": f"{len(data):,} bytes in {HARDWARE}{outcome.remark}"}


HARDWARE = BUILD / f"{NET.name}.hw.xclbin"


def task_link():
    """link the kernel with the card's platform: the xclbin for the card"""
    return {
        "actions": [step(link)],
        "file_dep": [XO, *(BUILD / "vitis" / name for name in vitis.OUTPUTS), PARAMETERS],
        "task_dep": ["_tools", "_parameters"],
        "uptodate": [config_changed(repr((VPP, DESIGN, IS_RANDOM)))],
        "targets": [HARDWARE],
        "clean": [(shutil.rmtree, [BUILD / "link", True])],
    }


def due() -> dict[str, str]:
    """Which IPs' C simulation and synthesis are not in the cache; synthesis cannot be told without its tool, which is part of the key."""
    release, missing = JOBS.hls_release(), {"csim": [], "synth": []}
    for ip in longest_first():
        sources, given = BUILD / "hls" / ip.name, BUILD / "vectors" / ip.name
        found = [hls.csim_job(ip.name, sources, given, hls.frame_count(ip, given)), hls.synth_job(DESIGN, ip, sources, release)]
        for job in found:
            if not CACHE.has(job.step, job.key):
                missing[job.step].append(ip.name)
    write_changed(BUILD / "due.json", json.dumps(missing, indent=1) + "\n")
    words = [f"{name} of {', '.join(ips) or 'none'}" for name, ips in missing.items()]
    return {"told": f"{'; '.join(words)}; also in {BUILD / 'due.json'}"}


def task_due():
    """say which IPs have to be simulated and synthesized, and which are in the cache as they are"""
    return {"actions": [step(due)], "task_dep": ["generate", "vectors"], "uptodate": [False]}


def list_cache(prune_days: float | None, prune_gb: float | None) -> dict[str, str]:
    from codegen.cache_report import print_cache

    return {"told": print_cache(CACHE, days=prune_days, gigabytes=prune_gb)}


def task_cache():
    """list what finished jobs have left for others, or prune it: doit cache --prune-days 30, --prune-gb 50"""
    return {
        "actions": [step(list_cache)],
        "params": [
            option(
                "prune-days",
                options.number("--prune-days", 0, 1_000_000, "it counts days"),
                None,
                "drop what was not used for so many days",
            ),
            option(
                "prune-gb",
                options.number("--prune-gb", 0, 1_000_000, "it counts gigabytes"),
                None,
                "drop the least recently used, down to this size",
            ),
        ],
        "uptodate": [False],
        "verbosity": 2,
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
    from dataflow.layout.report import print_folding

    print_folding(DESIGN)


def task_folding():
    """print what follows from PE and SIMD: cycles per frame and FIFO depths"""
    return {"actions": [step(folding)], "uptodate": [False], "verbosity": 2}


def report(baseline: str, record: bool) -> dict[str, str]:
    from dataflow.cost.estimate import estimate_ip
    from vitis import baseline as baselines
    from vitis.report import read
    from vitis.report_views import files, print_report

    found = read(DESIGN, BUILD, estimates={ip.name: estimate_ip(ip) for ip in DESIGN.ips}, area=DESIGN.platform.area)
    written = files(found)
    write_tree(BUILD / "report", written)
    print_report(found)
    told = f"in {BUILD / 'report'}: {', '.join(written)}"
    path = Path(get_initial_workdir()) / baseline if baseline else Path("baselines") / f"{NET.name}.json"
    if record:
        write_changed(path, baselines.record(path, found))
        return {"told": f"{told}; recorded in {path}"}
    if baseline:
        comparison = baselines.compare(path, found)
        comparison.require_unmoved()
        return {"told": f"{told}; {comparison}"}
    return {"told": told}


def task_report():
    """print what the vendor tools have found so far, and write it as JSON, CSV and a page"""
    return {
        "actions": [step(report)],
        "params": [
            {"name": "baseline", "long": "baseline", "type": str, "default": "", "help": "compare with the figures of this file"},
            {"name": "record", "long": "record", "type": bool, "default": False, "help": "write it instead (baselines/<network>.json)"},
        ],
        "uptodate": [False],
        "clean": [(shutil.rmtree, [BUILD / "report", True])],
        "verbosity": 2,
    }


def estimate() -> None:
    from dataflow.cost.report import print_estimate

    print_estimate(DESIGN)


def task_estimate():
    """print what the design will cost, an estimate: LUTs, flip-flops, BRAM, UltraRAM, DSPs of each IP"""
    return {"actions": [step(estimate)], "uptodate": [False], "verbosity": 2}


def floorplan() -> None:
    from dataflow.choose.floorplan_report import print_floorplan

    print_floorplan(DESIGN)


def task_floorplan():
    """print the SLR of every IP as YAML, what that leaves of each SLR, and the wires between them"""
    return {"actions": [step(floorplan)], "uptodate": [False], "verbosity": 2}


PLOT = option("plot", options.plot("--plot", Path(get_initial_workdir())), None, "file for the plot: .png, .pdf, .svg, .jpg (extra `plot`)")


def fold(fps: int | None, fastest: bool, plot: Path | None) -> None:
    from dataflow.choose.fold_report import print_fold

    if fps and fastest:
        raise OptionError(f"--fps {fps} --max", "both at once", why="each asks for another folding", fix="leave one of the two out")
    print_fold(DESIGN, fps=fps, want_fastest=fastest, plot=plot)


def task_fold():
    """search PE and SIMD: doit fold --fps N for the least resources, doit fold --max for the fastest that fits"""
    return {
        "actions": [step(fold)],
        "params": [
            option(
                "fps",
                options.whole("--fps", 1, 10_000_000, "it counts frames a second"),
                None,
                "frames a second; those of the design where it is left out",
            ),
            {"name": "fastest", "long": "max", "type": bool, "default": False, "help": "the fastest that fits the card"},
            PLOT,
        ],
        "uptodate": [False],
        "verbosity": 2,
    }


def predict(latency: int | None, call_us: float, transfer_us: float, plot: Path | None) -> None:
    from dataflow.timing.graph import graph
    from dataflow.timing.prediction import Pipeline
    from dataflow.timing.prediction_report import print_prediction
    from dataflow.timing.simulation import simulate
    from dataflow.timing.sizing import require_flow

    run = simulate(graph(DESIGN), frames=8)
    if run.deadlock:
        require_flow(DESIGN)
    pipeline = Pipeline(
        clock_mhz=NET.clock_mhz,
        interval_cycles=int(run.intervals[-1]),
        latency_cycles=latency or int(run.ends[0] - run.starts[0]),
        call_us=call_us,
        transfer_us=transfer_us,
    )
    print_prediction(DESIGN, pipeline, plot)


def task_predict():
    """print frames/s and latency against the batch size, beside what was published"""
    return {
        "actions": [step(predict)],
        "params": [
            option(
                "latency",
                options.whole("--latency", 1, 10**12, "it counts the cycles of the first frame"),
                None,
                "cycles of the first frame; simulated where left out",
            ),
            option(
                "call-us",
                options.number("--call-us", 0, 10**9, "it counts the microseconds of a call"),
                100.0,
                "microseconds a call costs the host",
            ),
            option(
                "transfer-us",
                options.number("--transfer-us", 0, 10**9, "it counts the microseconds of a frame"),
                0.0,
                "microseconds a frame costs the host",
            ),
            PLOT,
        ],
        "uptodate": [False],
        "verbosity": 2,
    }


def timing(frames: int, spacing: int) -> None:
    from dataflow.timing.report import print_timing

    print_timing(DESIGN, frames=frames, spacing=spacing)


def task_timing():
    """simulate how frames pass: what each process does all the time, how full FIFOs get, what deadlocks"""
    return {
        "actions": [step(timing)],
        "params": [
            option(
                "frames",
                options.whole("--frames", 2, 10_000, "the interval is told from the ends of two frames"),
                4,
                "how many, 4 if not given",
            ),
            option(
                "spacing",
                options.whole("--spacing", 0, 10**9, "it counts the cycles from one frame to the next"),
                0,
                "cycles from one to the next; 0: as fast as they are taken",
            ),
        ],
        "uptodate": [False],
        "verbosity": 2,
    }


def fifos(interval: int | None, anew: bool, write: bool) -> None:
    from dataflow.timing import sizing_report as fifo_report
    from dataflow.timing.sizing import size

    sizing = size(DESIGN, interval=interval, anew=anew)
    fifo_report.print_fifos(DESIGN, sizing)
    if write:
        try:
            # As bytes: its line ends are its own.
            text = fifo_report.written(YAML.read_bytes().decode(), fifo_report.yaml_entries(sizing))
        except KeyError as error:
            file = next(part.at.file for part in (NET.stem, *NET.blocks, NET.head) if part.at.file != str(YAML))
            what, why = f"no {error.args[0]} to write depths to", f"what is not in this file stands in the one it is like, {file}"
            raise DescriptionError(Source(str(YAML), 0), what, why=why, fix=f"doit network={file} fifos --write") from None
        write_changed(YAML, text)
        print(f"written to {YAML}, where `fifos:` under an IP gives its depths; what is deleted there is chosen anew")


def task_fifos():
    """size the FIFOs: the smallest depths that keep the interval and cannot deadlock, proved by simulation"""
    return {
        "actions": [step(fifos)],
        "params": [
            option(
                "interval",
                options.whole("--interval", 1, 10**9, "it counts the cycles from frame to frame"),
                None,
                "cycles from frame to frame, the least there can be if not given",
            ),
            {"name": "anew", "long": "anew", "type": bool, "default": False, "help": "depths in the description are chosen anew too"},
            {"name": "write", "long": "write", "type": bool, "default": False, "help": "write the depths into the description"},
        ],
        "uptodate": [False],
        "verbosity": 2,
    }


def bench_csim() -> None:
    from hls.bench import bench_csim

    bench_csim(DESIGN, BUILD)


def bench_timing() -> None:
    from dataflow.bench import bench_timing, stacked

    described = {
        name: network.load(ROOT / "configs" / f"{name}.yaml") for name in ("digits", "resnet18", "resnet34", "resnet50_w1a2", "resnet101")
    }
    bench_timing([*described.values(), *(stacked(described["resnet50_w1a2"], times) for times in (2, 3))])


def task_bench():
    """measure: doit bench:csim, bench:timing, bench:emulator, bench:pipeline, bench:cluster"""
    yield {
        "name": "csim",
        "doc": "seconds and megabytes of every IP's C simulation, one after the other",
        "actions": [step(bench_csim)],
        "task_dep": ["generate", "vectors"],
        "uptodate": [False],
        "verbosity": 2,
    }
    yield {
        "name": "timing",
        "doc": "seconds of the timing simulation and the FIFO sizing, over networks of more and more blocks",
        "actions": [step(bench_timing)],
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
        "name": "cluster",
        "doc": "four IPs on one Dask worker and on two, with stand-in tools (pip install -e '.[dev]')",
        "actions": [CmdAction([sys.executable, "-m", "tests.bench_cluster"], shell=False)],
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
        "pytest": ["pytest", "-q", "-n", "2"],
    }.items():
        yield {
            "name": name,
            "actions": [CmdAction([sys.executable, "-m", *command], shell=False)],
            "uptodate": [False],
            "verbosity": 2,
        }
