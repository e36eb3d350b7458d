"""What all simulations share: Verilator's own library, half the compilation of a small IP, is compiled once."""

import pytest

ONCE = """#!/bin/sh
# Called as <this> g++ ... -c -o verilated.o .../verilated.cpp: of the same words the object is the same.
for source; do :; done
case "$source" in */verilated*.cpp) ;; *) exec "$@" ;; esac
object="$(basename "$source" .cpp).o"
kept="$(dirname "$0")/$(echo "$*" | cksum | tr ' ' _).o"
[ -e "$kept" ] || { "$@" && cp "$object" "$kept.$$" && mv "$kept.$$" "$kept"; } || exit 1
cp "$kept" "$object"
"""


@pytest.fixture(autouse=True, scope="session")
def library_compiled_once(tmp_path_factory):
    """By the variable of Verilator's makefiles that is there for ccache."""
    script = tmp_path_factory.mktemp("objects") / "once"
    script.write_text(ONCE)
    script.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OBJCACHE", str(script))
        yield
