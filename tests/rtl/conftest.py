"""What all simulations share, as most of the time of a small IP goes into compiling what is the same for all: Verilator's own library is
compiled once, and so are its headers. Nothing is optimized, since the tests simulate few cycles.
"""

import os

import pytest

COMPILER = r"""#!/bin/sh
# Called as <this> g++ <flags> -c -o <object> <source>, flags being the same for all but for the optimization.
here="$(dirname "$0")"
for word in "$@"; do
  shift
  case "$word" in -O1) word=-O0 ;; esac
  case "$before$word" in -c | -o*) ;; *) source="$word"; flags="$flags$word " ;; esac
  case "$word" in -o) before=-o ;; *) before= ;; esac
  set -- "$@" "$word"
done
flags="${flags% "$source" }"
kept="$here/$(echo "$flags" | cksum | tr ' ' _)"
once() {  # <file> <command that makes it in front of the file's name>: two that make it at once make the same
  made="$1"; shift
  [ -e "$made" ] || { "$@" "$made.$$" && mv "$made.$$" "$made"; }
}
case "$source" in
  */verilated*.cpp)
    object="$(basename "$source" .cpp).o"
    once "$kept.$object" $flags -c "$source" -o && cp "$kept.$object" "$object"
    ;;
  *)
    printf '#include <%s>\n' verilated.h fstream iterator memory string vector > "$kept.$$" && mv "$kept.$$" "$kept.h"
    once "$kept.h.gch" $flags -x c++-header "$kept.h" -o && exec "$@" -include "$kept.h"
    ;;
esac
"""


@pytest.fixture(autouse=True, scope="session")
def library_compiled_once(tmp_path_factory):
    """By the variable of Verilator's makefiles that is there for ccache."""
    temporary = tmp_path_factory.getbasetemp()
    script = (temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary) / "once"  # of all processes
    own = script.with_name(f"once.{os.getpid()}")
    own.write_text(COMPILER)
    own.chmod(0o755)
    own.replace(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OBJCACHE", str(script))
        yield
