"""Work for a tool as a value: files in, a few calls, products out. It runs where the files are put, here or on another machine.

Products are kept in the cache under the job's key, so that work that is finished is not repeated: not after a kill, not in another
build folder, not by another user of the same cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from codegen.jobs.key import Content, job_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a job may take. Those of each step are estimates; `doit timeout_minutes=… memory_gb=…` sets others."""

    timeout_minutes: float
    memory_gb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One run of a tool: its name as in `tools.find.TOOLS`, or a path in the working folder that begins with ./, and its arguments."""

    words: tuple[str, ...]  # {work} in one of them stands for the working folder, where only an absolute path will do
    log: str  # the name of its log, which is a product too
    hint: str = "read the log"  # the remedy where the failure is not a known one


@dataclass(frozen=True, kw_only=True)
class Job:
    """`step` and `name` are the task's (synth, res2a); paths are relative to the working folder.

    A path that ends with / is a folder: what is kept or given of it is a zip.
    """

    step: str
    name: str
    files: Mapping[str, Content]
    calls: tuple[Call, ...]
    products: Mapping[str, str]  # name -> pattern of the one file that becomes it
    release: str = ""  # of the tools: 2022.2
    weight: int = 0  # heavier jobs are begun first
    limits: Limits

    @cached_property
    def key(self) -> str:
        """Its place in the cache; limits and weight are no part of it."""
        calls = [(call.words, call.log) for call in self.calls]
        return job_key(step=self.step, files=self.files, calls=calls, products=self.products, release=self.release)

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools it calls."""
        return tuple(dict.fromkeys(call.words[0] for call in self.calls if not call.words[0].startswith("./")))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Everything it leaves: products and logs."""
        return (*self.products, *(call.log for call in self.calls))
