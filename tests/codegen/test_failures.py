from __future__ import annotations

import pytest

from codegen.failures import KNOWN, diagnose

LOGS = {
    "licence": "INFO: [Common 17-349] got nothing\nERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xcu250'.",
    "y2k22": "ERROR: '2611250154' is an invalid argument. Please specify an integer value.",
    "part": "ERROR: [HLS 200-1023] Part 'xcu250-figd2104-2L-e' is not installed.",
    "platform": "ERROR: [v++ 60-602] Failed to find platform xilinx_u250_gen3x16_xdma_4_1_202210_1",
    "timing": "ERROR: [VPL 101-2] design did not meet timing - Design failed to meet timing.",
    "ip definition": "ERROR: [BD 5-390] IP definition not found for VLNV: resflow:hls:res2a:1.0",
    "utilization": "ERROR: [Place 30-640] Place Check : This design requires more LUT as Logic cells than are available in the target device.",
    "memory": "terminate called after throwing an instance of 'std::bad_alloc'",
    "disk": "write error: No space left on device",
}


def test_every_known_failure_has_an_example():
    assert list(LOGS) == [failure.name for failure in KNOWN]


@pytest.mark.parametrize("name", LOGS)
def test_known(name):
    """Each by its own message, whatever else the log says."""
    noise = "INFO: [HLS 200-10] 0 errors\nWARNING: [Synth 8-1] part of this is unused, error-prone\n"
    found = diagnose(f"{noise}{LOGS[name]}\nERROR: [Common 17-69] Command failed: see above\n", 1, hint="read the log")
    assert (found.name, found.line) == (name, LOGS[name].splitlines()[-1])
    assert found.fix != "read the log"


def test_another_part_message():
    assert diagnose(
        "WARNING: [Device 21-436] No parts matched 'xcu250'\nERROR: [Coretcl 2-106] Specified part could not be found.", 1, hint=""
    ).line == ("ERROR: [Coretcl 2-106] Specified part could not be found.")


def test_the_tools_own_error_before_what_others_say():
    found = diagnose("warning: error handling is missing\nno errors so far\nERROR: [X 1-2] it broke\nerror: later\n", 1, hint="mend it")
    assert (found.line, found.reason, found.fix) == ("ERROR: [X 1-2] it broke", "ERROR: [X 1-2] it broke", "mend it")


def test_killed_without_a_word():
    found = diagnose("all is well\n", -9, hint="read the log")
    assert found.reason == "something killed it (SIGKILL), most often the kernel when the machine runs out of memory"
    assert found.fix == "run fewer jobs at once (doit -n), set aside more for each: doit memory_gb=…, or use a larger machine"


def test_no_reason_at_all():
    found = diagnose("all is well\n", 1, hint="read the log")
    assert (found.line, found.reason, found.fix) == (None, "it gave no reason in its log", "read the log")
