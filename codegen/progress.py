"""What a person sees of a build: a line per step as it ends, and at the end which steps failed, why, and what to do.

A reporter for doit. Steps print nothing themselves: what a step has to say it returns as `{"told": "…"}`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from types import TracebackType
from typing import Any

from doit.exceptions import BaseFail, TaskFailed
from doit.reporter import ConsoleReporter


def step(function: Callable[..., dict[str, Any] | None], errors: tuple[type[Exception], ...]) -> Callable[..., Any]:
    """`function` as a doit action: what it raises of `errors` fails the task with its message alone, without a traceback."""

    @wraps(function)  # doit passes a task's parameters by the names it sees
    def action(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except errors as error:
            if type(error).__str__ is OSError.__str__:  # the operating system's own words, which lack the last two parts
                return TaskFailed(f"{error}\n  why: this step reads or writes it\n  fix: correct what is in the way, then start again")
            return TaskFailed(str(error))

    return action


def only_asks(arguments: Sequence[str]) -> bool:
    """Whether doit is called for a command that builds and deletes nothing."""
    words = [word for word in arguments if "=" not in word and not word.startswith("-")]
    return words[:1] != [] and words[0] in ("list", "info", "help", "tabcompletion", "dumpdb")


def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Like Python's own, but Ctrl-C is no error to be explained."""
    if kind is KeyboardInterrupt:
        print("\ninterrupted: what was finished is kept, start again to go on", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


class Progress(ConsoleReporter):  # type: ignore[misc]  # doit has no types
    """One line per step, errors in full where they happen, a closing summary. Steps whose name begins with _ show when they fail."""

    desc = "one line per step and a summary"
    remark = ""  # what the summary must not leave unsaid

    def __init__(self, outstream: Any, options: dict[str, Any]) -> None:
        super().__init__(outstream, options)
        self.began: dict[str, float] = {}
        self.start = time.monotonic()
        self.done = self.skipped = 0

    def execute_task(self, task: Any) -> None:
        self.began[task.name] = time.monotonic()

    def add_success(self, task: Any) -> None:
        if _shows(task):
            self.done += 1
            seconds = time.monotonic() - self.began.get(task.name, self.start)
            self._line("ok", task.name, f"{seconds:6.1f} s  {task.values.get('told', task.doc)}")

    def skip_uptodate(self, task: Any) -> None:
        self.skipped += _shows(task)

    def _line(self, verdict: str, name: str, text: str) -> None:
        self.write(f"{verdict:4}  {name:20} {text}\n")
        self.outstream.flush()

    def _write_failure(self, result: dict[str, Any], *_: bool) -> None:
        fail: BaseFail = result["exception"]
        text = fail.get_msg().strip()
        # doit's own message about unmet dependencies would repeat the failure that caused it.
        if fail.get_name() != "UnmetDependency":
            self._line("FAIL", result["task"].name.lstrip("_"), "")
            self.write("      " + text.replace("\n", "\n      ") + "\n")

    def complete_run(self) -> None:
        seconds = time.monotonic() - self.start
        failed = [result for result in self.failures if result["exception"].get_name() != "UnmetDependency"]
        not_run = sum(bool(result["task"].actions) for result in self.failures if result not in failed)
        for text in self.runtime_errors:
            self.write(f"error: {text}\n")
        counts = [f"{self.done} done", f"{self.skipped} up to date"]
        counts += [f"{len(failed)} failed: {', '.join(result['task'].name.lstrip('_') for result in failed)}"] if failed else []
        counts += [f"{not_run} not run for it"] if not_run else []
        self.write(f"      {', '.join(counts)}; {seconds:.1f} s\n")
        if self.remark:
            self.write(f"      {self.remark}\n")


def _shows(task: Any) -> bool:
    return bool(task.actions) and not task.name.startswith("_")
