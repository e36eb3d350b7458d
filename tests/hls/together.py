"""IPs in one program: most of the time of compiling a small one goes into what they share.

Sources and benches are those that users get, each in a namespace; the program runs one of them, so that firings and arrays are an IP's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import hls
from codegen.jobs.job import Call
from codegen.jobs.key import Content
from codegen.jobs.run import run_calls
from codegen.text.files import write_tree
from dataflow.design import Ip
from hls.csim import FLAGS
from hls.render import HEADERS, LIBRARY
from network.parameters import Parameters

MAIN = "together.cpp"


@dataclass(frozen=True, slots=True)
class Case:
    """An IP of a network; networks in one program have different names, since of two equal headers only one is included."""

    network: str
    ip: Ip
    arrays: Parameters
    vectors: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return f"{self.network}_{self.ip.name}"


def simulate(cases: Sequence[Case], frames: int, folder: Path, library: Mapping[str, Path]) -> list[Path]:
    """The logs of the benches that have passed; raises ToolError. `library` has headers in place of the shipped ones."""
    assert len({case.name for case in cases}) == len(cases)
    files: dict[str, Content] = {MAIN: main(cases).encode()}
    for case in cases:
        sources, vectors, ip = folder / case.name, folder / f"{case.name}_vectors", case.ip
        texts = hls.render(case.network, ip, case.arrays)
        # Which is not seen to be missing where another IP includes it.
        assert all(f'#include "{LIBRARY}/{unit.header}.h"' in texts[f"{ip.name}.cpp"] for unit in ip.units)
        write_tree(sources, texts)
        write_tree(vectors, dict(case.vectors))
        job = hls.csim_job(ip.name, sources, vectors, frames)
        files |= {
            name if name.startswith((f"{LIBRARY}/", "ap_types/")) else f"{case.name}/{name}": file for name, file in job.files.items()
        }
    compiler = ("g++", *FLAGS, "-isystem", "ap_types", "-include", "cstring", "-I.", MAIN, "-o", "together")
    calls = [Call(words=("./together", case.name, f"{case.name}/vectors", str(frames)), log=f"{case.name}.log") for case in cases]
    job = replace(job, name="together", files={**files, **library}, calls=(Call(words=compiler, log="compile.log"), *calls))
    run_calls(job, folder / "csim")
    return [folder / "csim" / call.log for call in calls]


def main(cases: Sequence[Case]) -> str:
    """Headers from last to first, as no IP includes them: so none lacks what the one in front of it includes."""
    lines = [f'#include "{LIBRARY}/{path.name}"' for path in sorted(HEADERS, reverse=True)]
    for case in cases:
        path = f"{case.name}/{case.ip.name}"
        lines += [f"namespace {case.name} {{", f'#include "{path}.cpp"', f'#include "{path}_tb.cpp"', "}"]
    lines += ["int main(int argc, char **argv) {"]
    lines += [f'  if (!std::strcmp(argv[1], "{case.name}")) return {case.name}::main(argc - 1, argv + 1);' for case in cases]
    return "\n".join([*lines, "  return 2;", "}", ""])
