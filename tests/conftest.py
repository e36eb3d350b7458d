from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from codegen.tools.find import RELEASED, TOOLS
from tests.tools.installation import Installation
from tests.tools.programs import quick_compiler

TESTS = Path(__file__).parent

# As many tests run at once as there are processors: threads of numerical libraries would wait for each other, busily, for turns that they do
# not get. NumPy and PyTorch, which are imported later, read this; so do all processes that tests start.
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}

# Machines are noisy, and what a failing example prints is enough to run it again.
settings.register_profile("resflow", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("resflow")


@pytest.fixture(autouse=True, scope="session")
def finished_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests share no finished work with the user's builds, and see the lines of theirs in one order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESFLOW_JOBS", "1")
        patch.setenv("RESFLOW_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def byte_code_kept() -> Iterator[None]:
    """Hundreds of processes import the same modules, and would each compile them where the environment says that byte code is not kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def interrupts_heard() -> None:
    """Shells have what they start in the background ignore interrupts, and so would all that tests start, and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


COMPILER = r"""#!/bin/sh
# g++ for C simulations, called as `g++ <flags> -isystem ap_types -include <ip>.cpp ...` in a job's folder: most of the time of a small IP
# goes into headers that are the same for all, so those are compiled once for all that have the same flags and the same headers.
# The folder of this script says how much is optimized: most tests simulate too few cycles for that to pay.
case "$*" in *" -isystem ap_types -include "*) ;; *) exec g++ "$@" ;; esac
folder="$(dirname "$0")"
for word; do
  shift
  case "$word" in -O1) word="-$(basename "$folder")" ;; esac
  case "$word" in -include) sources=yes ;; esac
  [ "$sources" ] || flags="$flags$word "
  set -- "$@" "$word"
done
kept="$folder/$( (echo "$flags"; cat ap_types/*.h ap_types/etc/*.h resflow/formats.h) 2>&1 | cksum | tr ' ' _).h"
if [ ! -e "$kept.gch" ]; then  # two that make it at once make the same
  own="$kept.$$"
  printf '#include <%s>\n' cstdint cstdio cstdlib fstream iterator map string vector resflow/formats.h > "$own" && mv "$own" "$kept"
  g++ $flags -I. -x c++-header "$kept" -o "$own" 2> /dev/null && mv "$own" "$kept.gch" || exec g++ "$@"  # which says what is wrong with them
fi
exec g++ -include "$kept" "$@"
"""


@pytest.fixture(autouse=True, scope="session")
def headers_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test that simulates many cycles has CXX name the one in the folder O1."""
    temporary = tmp_path_factory.getbasetemp()
    folder = (temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary) / "compilers"  # of all processes
    for level in ("O0", "O1"):
        (folder / level).mkdir(parents=True, exist_ok=True)
        own = folder / level / f"g++.{os.getpid()}"
        own.write_text(COMPILER)
        own.chmod(0o755)
        own.replace(folder / level / "g++")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", str(folder / "O0" / "g++"))
        yield


@pytest.fixture(scope="module")
def nothing_compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """To tests of a module it does not matter what is compiled: C simulations pass. What would have compiled them."""
    with pytest.MonkeyPatch.context() as patch:
        compiler = os.environ["CXX"]
        patch.setenv("CXX", str(quick_compiler(tmp_path_factory.mktemp("quick"))))
        yield compiler


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record", action="store_true", help="rewrite the golden files in tests/golden; read the difference before committing it"
    )
    parser.addoption("--all-ips", action="store_true", help="simulate and lint the SystemVerilog of every IP that is shipped: minutes each")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that at the end no process waits for another's."""
    items.sort(key=lambda item: item.path.name not in ("test_resnet50.py", "test_vendor.py"))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(path, text)` compares text with tests/golden/<path>, whole."""

    def compare(path: str, text: str) -> None:
        file = TESTS / "golden" / path
        if request.config.getoption("--record"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        assert file.exists(), f"{path} has no golden file: run pytest --record and read it"
        assert text == file.read_text()

    return compare


@pytest.fixture(scope="session")
def toy_yaml() -> Path:
    return TESTS / "toy.yaml"


@pytest.fixture(scope="session")
def wide_yaml() -> Path:
    return TESTS / "wide.yaml"


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Installation]:
    """`stand_ins("2022.2", **plan)` makes the stand-ins of a release the vendor's tools that are found."""

    def install(release: str, **plan: object) -> Installation:
        made = Installation(tmp_path / f"tools-{len(list(tmp_path.glob('tools-*')))}", release, **plan)
        for variable, value in made.environment.items():
            monkeypatch.setenv(variable, value)
        return made

    for name in RELEASED:
        monkeypatch.delenv(TOOLS[name].variable, raising=False)
    return install
