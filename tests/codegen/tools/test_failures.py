"""Logs as the tools write them, from their users' reports: which line decides, and what is made of it."""

from __future__ import annotations

import os
import re
import subprocess
import time

import pytest

from codegen.tools.failures import KNOWN, diagnose, first_error

LOGS = {
    "licence": "INFO: [Common 17-349] got nothing\nERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xcu250'.",
    "y2k22": "ERROR: '2611250154' is an invalid argument. Please specify an integer value.",
    "part": "ERROR: [HLS 200-1023] Part 'xcu250-figd2104-2L-e' is not installed.",
    "board": "ERROR: [Board 49-71] The board_part definition was not found for xilinx.com:au250:part0:1.3. The project's board_part property was not set, "
    "but the project's part property was set to xcu250-figd2104-2L-e.",
    "platform": "ERROR: [v++ 60-602] Failed to find platform xilinx_u250_gen3x16_xdma_4_1_202210_1",
    "deadlock": "// ERROR!!! DEADLOCK DETECTED at 123450000 ns! SIMULATION WILL BE STOPPED! //",
    "routing": "ERROR: [Route 35-2] Design is not legally routed. There are 5975 node overlaps.",
    "timing": "ERROR: [VPL 101-2] design did not meet timing - Design failed to meet timing.",
    "ip definition": "ERROR: [BD 5-390] IP definition not found for VLNV: resflow:hls:res2a:1.0",
    "utilization": "ERROR: [Place 30-640] Place Check : This design requires more LUT as Logic cells than are available in the target device.",
    "memory": "terminate called after throwing an instance of 'std::bad_alloc'",
    "disk": "write error: No space left on device",
    "library": 'application-specific initialization failed: couldn\'t load file "librdi_commontasks.so": libtinfo.so.5: cannot open shared '
    "object file: No such file or directory",
    "make": "sh: 1: make: not found",
    "locale": "terminate called after throwing an instance of 'std::runtime_error': locale::facet::_S_create_c_locale name not valid",
    "display": "ERROR: [HLS 200-70] Can't connect to X11 window server using 'localhost:10.0' as the value of the DISPLAY variable.",
    "spaces": "/usr/share/verilator/include/verilated.mk:48: *** Unsupported: GNU Make cannot build in directories containing spaces, build "
    "elsewhere: '/home/me/my work/verilated'.  Stop.",
    "permission": "ERROR: [Common 17-1294] Unable to create directory [/nonexistent/.Xilinx/Vivado/2022.2].",
    "crash": "Abnormal program termination (11)",
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


@pytest.mark.parametrize("status", [-11, 139])
def test_a_crash_without_a_word(status):
    assert diagnose("all is well\n", status, hint="").reason == "it crashed (SIGSEGV) and its log gives no reason"


GCC = """\
In file included from res2a_tb.cpp:1:
resflow/mvau.h: In function ‘void resflow::mvau(int)’:
resflow/mvau.h:20:3: warning: timing is not met, out of memory, No space left on device [-Wpedantic]
   20 |   throw std::bad_alloc();  // Killed
      |   ^~~~~
resflow/mvau.h:21:9: note: out of memory
res2a.cpp:12:25: error: ‘bad_alloc’ is not a member of ‘std’
   12 |   try { run(); } catch (std::bad_alloc &) { std::puts("ERROR: out of memory"); }
      |                              ^~~~~~~~~
res2a.cpp:40:1: error: static assertion failed: the timing is not met
"""
OLD_GCC = """\
res2a.cpp: In function 'void res2a()':
res2a.cpp:12:25: error: 'bad_allok' is not a member of 'std'
   try { run(); } catch (std::bad_alloc &) { throw "terminate called after throwing an instance of 'std::bad_alloc'"; }
                         ^
"""
CLANG = """\
ERROR: [HLS 200-70] Compilation errors found: In file included from res2a.cpp:1:
In file included from res2a.cpp:3:
./res2a.h:7:3: error: use of undeclared identifier 'bad_alloc'; did you mean 'std::bad_alloc'?
  throw bad_alloc();  // No space left on device
        ^~~~~~~~~
        std::bad_alloc
/usr/include/c++/new:54:9: note: 'std::bad_alloc' declared here, out of memory
  class bad_alloc : public exception
        ^
1 error generated.
ERROR: [HLS 200-70] Pre-synthesis failed.
"""
CASES = {
    "the compiler's quote": (GCC, 1, "", "res2a.cpp:12:25: error: ‘bad_alloc’ is not a member of ‘std’"),
    "an older compiler's quote": (OLD_GCC, 1, "", "res2a.cpp:12:25: error: 'bad_allok' is not a member of 'std'"),
    "clang's quote, within vivado_hls": (
        CLANG,
        1,
        "",
        "./res2a.h:7:3: error: use of undeclared identifier 'bad_alloc'; did you mean 'std::bad_alloc'?",
    ),
    "a message of the source": (
        "a.h:3:2: error: #error out of memory: timing is not met\n",
        1,
        "",
        "a.h:3:2: error: #error out of memory: timing is not met",
    ),
    "clang, within vitis_hls": (
        "ERROR: [HLS 207-3777] use of undeclared identifier 'std::bad_alloc' (res2a.cpp:7:3)\nERROR: [HLS 200-1715] Encountered problem during source synthesis\n",
        1,
        "",
        "ERROR: [HLS 207-3777] use of undeclared identifier 'std::bad_alloc' (res2a.cpp:7:3)",
    ),
    "what HLS does not synthesize": (
        "ERROR: [SYNCHK 200-31] dynamic memory allocation/deallocation is not supported (res2a.cpp:9)\n",
        1,
        "",
        "ERROR: [SYNCHK 200-31] dynamic memory allocation/deallocation is not supported (res2a.cpp:9)",
    ),
    "a header": (
        "a.cpp:1:10: fatal error: platform.h: No such file or directory\ncompilation terminated.\n",
        1,
        "",
        "a.cpp:1:10: fatal error: platform.h: No such file or directory",
    ),
    "the linker": (
        "/usr/bin/ld: /tmp/ccX.o: in function `main':\ntb.cpp:(.text+0x5): undefined reference to `std::bad_alloc::what() const'\ncollect2: error: ld returned 1 exit status\n",
        1,
        "",
        "tb.cpp:(.text+0x5): undefined reference to `std::bad_alloc::what() const'",
    ),
    "a compiler without memory": (
        "g++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.\n",
        1,
        "memory",
        "g++: fatal error: Killed signal terminated program cc1plus",
    ),
    "a compiler without disk": (
        "a.cpp:9:1: fatal error: error writing to /tmp/ccX.s: No space left on device\n",
        1,
        "disk",
        "a.cpp:9:1: fatal error: error writing to /tmp/ccX.s: No space left on device",
    ),
    "clang killed within vitis_hls": (
        "clang: error: unable to execute command: Killed\nclang: error: clang frontend command failed due to signal (use -v to see invocation)\n"
        "ERROR: [HLS 200-1715] Encountered problem during source synthesis\n",
        1,
        "memory",
        "clang: error: unable to execute command: Killed",
    ),
    "a launcher whose tool was killed": (
        'WARNING: [Route 35-328] Router estimated timing not met\n/tools/Vivado/2022.2/bin/rdiArgs.sh: line 312:  8288 Killed                  "$RDI_PROG" "$@"\n',
        137,
        "memory",
        '/tools/Vivado/2022.2/bin/rdiArgs.sh: line 312:  8288 Killed                  "$RDI_PROG" "$@"',
    ),
    "routing, with warnings of timing": (
        "WARNING: [Route 35-328] Router estimated timing not met.\nCRITICAL WARNING: [Route 35-162] 13926 signals failed to route due to routing congestion.\n"
        "CRITICAL WARNING: [Timing 38-282] The design failed to meet the timing requirements.\n"
        "ERROR: [Route 35-2] Design is not legally routed. There are 9945 node overlaps.\nERROR: [Common 17-39] 'route_design' failed due to earlier errors.\n",
        1,
        "routing",
        "ERROR: [Route 35-2] Design is not legally routed. There are 9945 node overlaps.",
    ),
    "a route error nobody knows": (
        "WARNING: [Route 35-39] The design did not meet timing requirements.\nERROR: [Route 35-9999] Router failed.\n",
        1,
        "",
        "ERROR: [Route 35-9999] Router failed.",
    ),
    "v++ tells what Vivado told": (
        "[19:32:52] Run vpl: FINISHED. Run Status: impl ERROR\n\n===>The following messages were generated while processing /x/impl_1 :\n"
        "ERROR: [VPL 18-1000] Routing results verification failed due to partially-conflicted nets (Up to first 10 of violated nets): level0_i/x\n"
        "ERROR: [VPL 60-773] In '/x/vpl/runme.log', caught Tcl error:  problem implementing dynamic region, impl_1: route_design ERROR, please look at the run log file\n"
        "ERROR: [VPL 60-704] Integration error, Failed to finish platform linker\nERROR: [v++ 60-703] Failed to finish linking\n",
        1,
        "routing",
        "ERROR: [VPL 18-1000] Routing results verification failed due to partially-conflicted nets (Up to first 10 of violated nets): level0_i/x",
    ),
    "v++ and a platform": (
        "ERROR: [v++ 60-1258] No valid platform was found that matches 'xilinx_u280_xdma_201920_3'. Please make sure that the platform is specified correctly\n"
        "ERROR: [v++ 60-587] Failed to add a platform: specified platform xilinx_u280_xdma_201920_3 is not found or is not valid\n",
        1,
        "platform",
        "ERROR: [v++ 60-1258] No valid platform was found that matches 'xilinx_u280_xdma_201920_3'. Please make sure that the platform is specified correctly",
    ),
    "only that something failed": (
        "WARNING: [Vivado 12-1] timing is not met\nERROR: [Common 17-39] 'route_design' failed due to earlier errors.\nERROR: [v++ 60-703] Failed to finish linking\n",
        1,
        "",
        "ERROR: [Common 17-39] 'route_design' failed due to earlier errors.",
    ),
    "the year, as Tcl tells it": (
        "source run_ippack.tcl -notrace\nbad lexical cast: source type value could not be interpreted as target\n    while executing\n"
        '"rdi::set_property core_revision 2201061327 {component component_1}"\n    invoked from within\n"set_property core_revision $Revision $core"\n'
        '    (file "run_ippack.tcl" line 1005)\nINFO: [Common 17-206] Exiting Vivado\nERROR: [IMPL 213-28] Failed to generate IP.\n'
        "command 'ap_source' returned error code\n    while executing\n\"source run_hls.tcl\"\n",
        1,
        "y2k22",
        "bad lexical cast: source type value could not be interpreted as target",
    ),
    "another Tcl error, and what it passed": (
        'missing operand at _@_\n    while executing\n"expr {\n  error: no space left on device\n}"\n    invoked from within\n"puts {out of memory}"\n    (file "x.tcl" line 3)\n',
        1,
        "",
        "missing operand at _@_",
    ),
    "commands Vivado repeats": (
        "# puts {ERROR: out of memory}\n## error: no space left on device\nERROR: [Common 17-53] User Exception: No open design.\n",
        1,
        "",
        "ERROR: [Common 17-53] User Exception: No open design.",
    ),
    "a licence, warned of before": (
        "Attempting to get a license for feature 'Synthesis' and/or device 'xcu250'\n"
        "WARNING: [Common 17-348] Failed to get the license for feature 'Synthesis' and/or device 'xcu250'. Explanation: The license feature Synthesis could not be found.\n"
        "0 Infos, 1 Warnings, 0 Critical Warnings and 1 Errors encountered.\nsynth_design failed\n"
        "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xcu250'. Please run the Vivado License Manager\n",
        1,
        "licence",
        "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xcu250'. Please run the Vivado License Manager",
    ),
    "a licence warned of, another error": (
        "WARNING: [Common 17-348] Failed to get the license for feature 'Implementation'\nERROR: [Synth 8-439] module 'fifo' not found [/x/toy.v:3]\n",
        1,
        "",
        "ERROR: [Synth 8-439] module 'fifo' not found [/x/toy.v:3]",
    ),
    "the first of several": (
        "ERROR: [DRC UTLZ-1] Resource utilization: LUT as Logic over-utilized in Top Level Design\nERROR: [Vivado_Tcl 4-23] Error(s) found during DRC. Placer not run.\n"
        "terminate called after throwing an instance of 'std::bad_alloc'\n",
        1,
        "utilization",
        "ERROR: [DRC UTLZ-1] Resource utilization: LUT as Logic over-utilized in Top Level Design",
    ),
    "the bench, not the tool around it": (
        "INFO: [COSIM 212-302] Starting C TB testing ...\nFAIL res2a: codes_out: 3 instead of 2 in frame 0, beat 7\nERROR: [COSIM 212-360] Aborting co-simulation: C TB simulation failed.\n"
        "ERROR: [COSIM 212-4] *** C/RTL co-simulation finished: FAIL ***\n",
        1,
        "",
        "FAIL res2a: codes_out: 3 instead of 2 in frame 0, beat 7",
    ),
    "a deadlock of the RTL": (
        "//////////////////////\n// ERROR!!! DEADLOCK DETECTED at 4000 ns! SIMULATION WILL BE STOPPED! //\n"
        "ERROR: [COSIM 212-303] Aborting co-simulation: RTL simulation failed.\nERROR: [COSIM 212-4] *** C/RTL co-simulation finished: FAIL ***\n",
        1,
        "deadlock",
        "// ERROR!!! DEADLOCK DETECTED at 4000 ns! SIMULATION WILL BE STOPPED! //",
    ),
    "a locale that is not there": (
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  locale::facet::_S_create_c_locale name not valid\nAbnormal program termination (6)\n",
        1,
        "locale",
        "terminate called after throwing an instance of 'std::runtime_error': locale::facet::_S_create_c_locale name not valid",
    ),
    "a crash": (
        "Stack dump:\n0.\tRunning pass 'Function Pass Manager'\nAbnormal program termination (11)\nPlease check '/x/hs_err_pid27358.log' for details\n"
        "segfault in /tools/bin/unwrapped/lnx64.o/vivado_hls -exec vivado_hls, exiting...\n",
        139,
        "crash",
        "Abnormal program termination (11)",
    ),
    "a table of a report": ("| ERROR: | 3 | timing is not met |\nERROR: [X 1-1] it broke\n", 1, "", "ERROR: [X 1-1] it broke"),
    "a plain word of one": (
        'Exception in thread "main" java.awt.HeadlessException:\n\tat java.awt.Window.<init>(Window.java:536)\n',
        1,
        "display",
        'Exception in thread "main" java.awt.HeadlessException:',
    ),
    "a command that is not there": ("/bin/sh: 1: vivado: not found\n", 127, "", "/bin/sh: 1: vivado: not found"),
    "a warning alone": ("WARNING: [Route 35-39] The design did not meet timing requirements.\n", 1, "", None),
    "a critical warning alone": (
        "CRITICAL WARNING: [Project 1-1] something is wrong\n",
        1,
        "",
        "CRITICAL WARNING: [Project 1-1] something is wrong",
    ),
    "a library that is not missed": (
        "ERROR: ld.so: object 'libx.so' from LD_PRELOAD cannot be preloaded (cannot open shared object file): ignored.\n"
        "(process:7): Gtk-WARNING **: Locale not supported by C library.\n"
        "CRITICAL WARNING: [Common 17-741] No write access right to the local Tcl store at '/root/.Xilinx/Vivado/2022.2/XilinxTclStore'.\n"
        "ERROR: [Opt 31-67] Problem: A LUT3 cell in the design is missing a connection on input pin I1\n",
        1,
        "",
        "ERROR: [Opt 31-67] Problem: A LUT3 cell in the design is missing a connection on input pin I1",
    ),
    "a library that is too old": (
        "/x/vivado: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /x/librdi_common.so)\n",
        1,
        "library",
        "/x/vivado: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /x/librdi_common.so)",
    ),
    "colours": (
        "\x1b[01m\x1b[Kres2a.cpp:12:25:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[K‘x’ is not a member of ‘std’\n"
        "   12 |   throw std::\x1b[01;31m\x1b[Kbad_alloc\x1b[m\x1b[K();  // Killed\n",
        1,
        "",
        "res2a.cpp:12:25: error: ‘x’ is not a member of ‘std’",
    ),
    "an assertion": (
        "res2a_tb: ap_private.h:12: void f(): Assertion `out of memory' failed.\nAborted (core dumped)\n",
        134,
        "",
        "res2a_tb: ap_private.h:12: void f(): Assertion `out of memory' failed.",
    ),
    "a program in Python": (
        'Traceback (most recent call last):\n  File "x.py", line 3, in <module>\n    raise MemoryError("std::bad_alloc: out of memory")\n'
        "OSError: [Errno 28] No space left on device\n",
        1,
        "disk",
        "OSError: [Errno 28] No space left on device",
    ),
    "a Tcl command cut off": (
        'no such thing\n    while executing\n"puts {out of memory\nERROR: [Common 17-345] A valid license was not found\n',
        1,
        "",
        "no such thing",
    ),
    "noise before the error": (
        "mkdir: cannot create directory '/root/.Xilinx': Permission denied\nERROR: [Place 30-640] Place Check : This design requires more LUT as Logic cells than are available\n",
        1,
        "utilization",
        "ERROR: [Place 30-640] Place Check : This design requires more LUT as Logic cells than are available",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_line_that_decides(case):
    log, status, name, line = CASES[case]
    found = diagnose(log, status, hint="read the log")
    assert (found.line, found.name) == (line, name)


def test_what_the_compiler_here_says(tmp_path):
    """Of a source whose words are those of failures of the machine, each in another place of its messages."""
    (tmp_path / "out of memory.h").write_text('#define RUN throw std::bad_alloc(), "No space left on device"\n')
    (tmp_path / "a.cpp").write_text(
        '#include <new>\n#include "out of memory.h"\ntemplate <class T> void killed(T t) { t.timing(); RUN; }\n'
        "int main() { int unused = 0; killed(3); // Killed\n  throw std::bad_alloc() /* timing is not met */ }\n"
    )
    result = subprocess.run(
        ["g++", "-Wall", "a.cpp"], cwd=tmp_path, capture_output=True, encoding="utf-8", env={**os.environ, "LC_ALL": "C"}
    )
    found = diagnose(result.stdout + result.stderr, result.returncode, hint="read the log")
    assert found.name == ""
    assert found.line is not None
    assert re.match(r"a\.cpp:\d+:\d+: error: ", found.line), result.stderr


def test_a_long_log():
    """Of an implementation with all its phases; the machine may be busy."""
    line = "Phase 2.5 Update Timing for Bus Skew | Checksum: 2fc50bc0a\nINFO: [Route 35-416] Intermediate Timing Summary | WNS=-2.213 | TNS=-9.1 |\n"
    began = time.process_time()
    found = diagnose(line * 50_000 + "ERROR: [Route 35-2] Design is not legally routed.\n", 1, hint="")
    assert found.name == "routing"
    assert time.process_time() - began < 10


def test_an_error_of_a_tool_that_ended_well():
    """Only errors count: a tool that did well has words such as "failed" in its log."""
    assert first_error("0 of 3 checks failed\nWARNING: [X 1] out of luck\n", hint="") is None
    found = first_error("ERROR: [Common 17-345] A valid license was not found\n", hint="")
    assert found is not None
    assert found.name == "licence"
