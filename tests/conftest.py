from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from codegen.tools.find import RELEASED, TOOLS
from tests.tools.installation import Installation

TESTS = Path(__file__).parent

# Machines are noisy, and what a failing example prints is enough to run it again.
settings.register_profile("resflow", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("resflow")


@pytest.fixture(autouse=True, scope="session")
def finished_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests share no finished work with the user's builds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESFLOW_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


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
