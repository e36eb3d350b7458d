"""Runs one tool and ends it with the build or at its time limit: a script, started by `codegen.tools.run` with the standard library alone.

    supervise.py <log> <seconds> <done> <command>...

Whatever ends the build, even SIGKILL, closes the pipe that is this process's standard input: then the tool is ended, with
everything it has started, as it is at its time limit. A tool that exits 0 leaves <done> (unless empty), so that the work
counts even when the build has ended in between. Standard output gets one line of JSON: status, seconds, megabytes, and what it was
stopped by, if it was.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h: what a tool leaves behind becomes a child of this process
GRACE_SECONDS = 3.0  # from SIGTERM to SIGKILL
SAMPLE_SECONDS = 1.0  # between two looks at the memory
PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants() -> dict[int, int]:
    """Resident bytes of every process below this one, by its number."""
    parents, resident = {}, {}
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(name)
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()  # the name in parentheses may hold anything
            if fields[0] != b"Z":
                parents[pid], resident[pid] = int(fields[1]), int(fields[21]) * PAGE
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return {pid: resident[pid] for pid in family if pid != os.getpid()}


def end_all() -> None:
    """End every process below this one: asked first, then killed."""
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        deadline = time.monotonic() + seconds
        signalled: set[int] = set()
        while (left := descendants().keys()) and time.monotonic() < deadline:
            for pid in left - signalled:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
                    os.kill(pid, signal.SIGCONT)  # a stopped one gets it only now
            signalled |= left
            time.sleep(0.02)


def froze(pid: int) -> bool:
    """Stop a child where it stands; False when it had ended by itself before."""
    os.kill(pid, signal.SIGSTOP)
    what = os.waitid(os.P_PID, pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    return what is not None and what.si_code == os.CLD_STOPPED


def main() -> None:
    log, seconds, done, *command = sys.argv[1:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    began = time.monotonic()
    stopped_by, peak = "", 0
    with open(log, "ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    while True:
        # Through wait4, which tells the memory; Popen itself does not.
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        left = began + float(seconds) - time.monotonic()
        if left <= 0:
            stopped_by = "time"
        ready, _, _ = select.select([sys.stdin, woken], [], [], max(0.0, min(left, SAMPLE_SECONDS)))
        if woken in ready:
            os.read(woken, 4096)
            continue  # it may have ended just before the build did
        if sys.stdin in ready:
            stopped_by = "build"
        if stopped_by:
            # Looking for processes takes milliseconds, in which the tool may exit 0, unnoticed.
            if froze(process.pid):
                end_all()
            else:
                stopped_by = ""
            pid, status, usage = os.wait4(process.pid, 0)
            break
        peak = max(peak, sum(descendants().values()))
    process.returncode = code = os.waitstatus_to_exitcode(status)
    end_all()  # nothing a tool has left behind writes into the next one's files
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    answer = {
        "status": code,
        "seconds": time.monotonic() - began,
        "megabytes": max(peak / 2**20, usage.ru_maxrss / 2**10),
        "stopped_by": stopped_by,
    }
    if done and code == 0 and not stopped_by:
        with open(f"{done}.{os.getpid()}", "w", encoding="utf-8") as file:
            json.dump(answer, file)
        os.replace(f"{done}.{os.getpid()}", done)
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
