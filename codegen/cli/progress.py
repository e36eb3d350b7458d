"""What a person sees of a build: a line per step as it ends, and at the end which steps failed, why, and what to do.

A reporter for doit. Steps print nothing themselves: they return what the line is to say as `{"message": "…"}`.
"""

from __future__ import annotations

import sys
import textwrap
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from types import TracebackType
from typing import Any

from doit.exceptions import BaseFail, TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

from codegen.build_state import dependency_database
from codegen.errors import FourPartError
from codegen.tools.run import stop_all

WHY = 120
"""Characters of the decisive line in the closing table; it is printed in full above."""


_importing = threading.Lock()


class NotRun(TaskFailed):  # type: ignore[misc]  # doit has no types
    """A step that was not run because one it needs has failed."""


def step(function: Callable[..., dict[str, Any] | None]) -> Callable[..., Any]:
    """`function` as a doit action: a FourPartError or OSError fails the task with its message alone, without a traceback."""

    @wraps(function)  # doit passes a task's parameters by the names it sees
    def action(*args: Any, **options: Any) -> Any:
        _import_alone()
        try:
            return function(*args, **options)
        except FourPartError as error:
            return TaskFailed(str(error))
        except OSError as error:
            if type(error).__str__ is OSError.__str__:  # the operating system's own words
                from codegen.tools.failures import diagnose  # here, because a build in which nothing fails needs none of its patterns

                where, what = error.filename or "a file", error.strerror or str(error)
                fix = diagnose(what, 1, hint="correct what is in the way, then start again").fix
                return TaskFailed(f"{where}: {what}\n  why: this step reads or writes it\n  fix: {fix}")
            return TaskFailed(str(error))

    return action


def _import_alone() -> None:
    """Where steps run in threads, import what many of them use in one, before: a build has hung, once, while two of them imported it."""
    if threading.current_thread() is not threading.main_thread():
        with _importing, suppress(ImportError):  # told by whoever needs it
            import numpy  # noqa: F401


def only_asks(arguments: Sequence[str]) -> bool:
    """Whether doit is called for a command that builds and deletes nothing."""
    words = [word for word in arguments if "=" not in word and not word.startswith("-")]
    return words[:1] != [] and words[0] in ("list", "info", "help", "tabcompletion", "dumpdb")


def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Like Python's own, but Ctrl-C prints no traceback."""
    if kind is KeyboardInterrupt:
        stop_all()
        print("\ninterrupted: what was finished is kept, start again to go on", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def remark(text: str) -> None:
    """Print what is not an error but should be known."""
    print(f"remark: {text}", file=sys.stderr, flush=True)


class Progress(ConsoleReporter):  # type: ignore[misc]  # doit has no types
    """One line per step, errors in full where they happen, a closing summary. Steps whose name begins with _ show when they fail."""

    desc = "one line per step and a summary"
    remark = ""  # a last line of the summary

    def __init__(self, outstream: Any, options: dict[str, Any]) -> None:
        super().__init__(outstream, options)
        self.began: dict[str, float] = {}
        self.start = time.monotonic()
        self.done = self.skipped = 0

    def execute_task(self, task: Any) -> None:
        self.began[task.name] = time.monotonic()

    def add_success(self, task: Any) -> None:
        dependency_database.write()
        if _shows(task):
            self.done += 1
            seconds = time.monotonic() - self.began.get(task.name, self.start)
            self._line("ok", task.name, f"{seconds:6.1f} s  {task.values.get('message', task.doc)}")

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        if isinstance(fail, UnmetDependency):
            fail.__class__ = NotRun  # otherwise doit treats it as an error of the build itself and exits with status 2
        super().add_failure(task, fail)

    def skip_uptodate(self, task: Any) -> None:
        self.skipped += _shows(task)

    def _line(self, verdict: str, name: str, text: str) -> None:
        self.write(f"{verdict:4}  {name:20} {text}\n")
        self.outstream.flush()

    def _write_failure(self, result: dict[str, Any], *_: bool) -> None:
        # A step that was not run would only repeat the failure of the step it needs.
        if not isinstance(result["exception"], NotRun):
            self._line("FAIL", _name(result["task"]), "")
            self.write("      " + result["exception"].get_msg().strip().replace("\n", "\n      ") + "\n")

    def complete_run(self) -> None:
        seconds = time.monotonic() - self.start
        failed = [result for result in self.failures if not isinstance(result["exception"], NotRun)]
        waiting = [result["task"] for result in self.failures if isinstance(result["exception"], NotRun) and _shows(result["task"])]
        for text in self.runtime_errors:
            self.write(f"error: {text}\n")
        if len(failed) > 1 or (failed and self.done):
            self._closing_table(failed)
        counts = [f"{self.done} done", f"{self.skipped} up to date"]
        counts += [f"{len(failed)} failed: {', '.join(_name(result['task']) for result in failed)}"] if failed else []
        counts += [f"{len(waiting)} not run for it"] if waiting else []
        self.write(f"      {', '.join(counts)}; {seconds:.1f} s\n")
        if self.remark:
            self.write(f"      {self.remark}\n")

    def _closing_table(self, failed: list[dict[str, Any]]) -> None:
        """A row per failed step: where to look, and the decisive line."""
        rows = [(_name(result["task"]), *_where_and_why(result["exception"].get_msg())) for result in failed]
        names, places = (max(len(row[i]) for row in rows) for i in (0, 1))
        self.write("\n")
        for name, place, why in rows:
            self.write(f"failed  {name:{names}}  {place:{places}}  {textwrap.shorten(why, WHY, placeholder=' …')}\n")


def _where_and_why(message: str) -> tuple[str, str]:
    """Of a four-part error: where, and why, or what where there is no why."""
    where, _, what = message.strip().partition("\n")[0].partition(": ")
    why = next((line.strip()[len("why: ") :] for line in message.splitlines() if line.strip().startswith("why: ")), what)
    return where, why


def _name(task: Any) -> str:
    return str(task.name.lstrip("_"))


def _shows(task: Any) -> bool:
    return bool(task.actions) and not task.name.startswith("_")
