"""The notebook from top to bottom, on the emulated digits."""

from __future__ import annotations

import base64
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

import dataflow
import network
import runtime.notebooks
from network import parameters
from network.images import digits
from runtime import Accelerator, power
from runtime.device import sensors
from runtime.device.sensors import Rail
from tests.runtime import tiny
from vitis.emulation import emulation_xclbin

ROOT = Path(network.__file__).parents[1]
FOLDER = Path(runtime.notebooks.__file__).parent
NOTEBOOK = FOLDER / "resnet.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("notebook")
    described = network.load(ROOT / "configs" / "digits.yaml")
    arrays = parameters.load(described, ROOT / "params" / "digits.npz")
    (folder / "digits.xclbin").write_bytes(emulation_xclbin(dataflow.plan(described), arrays))
    (folder / "pictures").mkdir()
    images, labels = digits().held_out
    for i in range(7):
        Image.fromarray(images[i, :, :, 0]).resize((64, 64), Image.Resampling.NEAREST).save(folder / "pictures" / f"{i}-{labels[i]}.png")
    (folder / "pictures" / "broken.png").write_bytes(b"no picture")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESFLOW_XCLBIN", str(folder / "digits.xclbin"))
        patch.setenv("RESFLOW_PICTURES", str(folder / "pictures"))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.delenv("RESFLOW_DEVICE", raising=False)
        return NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(folder))


def text(cell: Any) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def picture(cell: Any) -> Any:
    (found,) = (output.data["image/png"] for output in cell.outputs if "data" in output and "image/png" in output.data)
    with Image.open(BytesIO(base64.b64decode(found))) as image:
        return np.asarray(image.convert("L"))


def cell(notebook: Any, start: str) -> Any:
    return next(cell for cell in notebook.cells if cell.cell_type == "code" and start in cell.source)


def test_it_says_what_it_runs_on(executed: Any) -> None:
    assert "network    digits: uint8 (8, 8, 1), 10 classes, the 3 best\n" in text(cell(executed, "Accelerator.open"))


def test_the_pictures_have_their_labels(executed: Any) -> None:
    """Seen by eye once; here, that there is something black on white where pictures, labels and the broken one are."""
    drawn = picture(cell(executed, "plt.subplots(rows"))
    height, width = drawn.shape
    assert width > 600
    for row in range(2):
        for column in range(4):
            part = drawn[row * height // 2 : (row + 1) * height // 2, column * width // 4 : (column + 1) * width // 4]
            assert part.std() > 10


def test_both_ways_agree(executed: Any) -> None:
    assert text(cell(executed, "import pynq")).endswith("as the accelerator says: True\n")


def test_no_power_is_made_up(executed: Any) -> None:
    assert text(cell(executed, "Recording(device")).endswith("power not available\n")


def test_power_is_drawn_where_there_is_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The cell of the live plot, on a device that has sensors."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    watts = iter(range(10, 10_000))
    monkeypatch.setattr(sensors, "rails", lambda _: lambda: (Rail(name="12v_pex", volts=12, amps=next(watts) / 12),))
    shown: list[Any] = []
    handle = SimpleNamespace(update=shown.append)
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin")) as accelerator:
        names = {
            "np": np, "plt": pytest.importorskip("matplotlib.pyplot"), "Recording": power.Recording, "runtime": runtime,
            "accelerator": accelerator, "manifest": accelerator.manifest, "device": accelerator.devices[0],
            "ol": SimpleNamespace(device=None), "display": lambda *_, **__: handle,
        }  # fmt: skip
        source = next(each.source for each in nbformat.read(NOTEBOOK, as_version=4).cells if "Recording(device" in each.source)
        exec(source.replace("SECONDS = 10\n", "SECONDS = 0.5\n"), names)
    assert capsys.readouterr().out.startswith("board: ")
    board, fpga = shown[-1].axes[0].get_lines()
    assert len(board.get_xdata()) >= 3
    assert board.get_ydata()[:3] == pytest.approx([10, 11, 12])
    assert np.isnan(fpga.get_ydata()).all()


def test_throughput_is_measured_and_drawn(executed: Any) -> None:
    measured = cell(executed, "benchmark.measure")
    assert [line.split()[0] for line in text(measured).splitlines()[:5]] == ["batch", "1", "4", "16", "64"]
    assert picture(measured).std() > 10


def test_it_is_kept_without_output() -> None:
    for each in nbformat.read(NOTEBOOK, as_version=4).cells:
        if each.cell_type == "code":
            assert (each.outputs, each.execution_count) == ([], None)


def test_pynq_delivers_it(tmp_path: Path) -> None:
    """PYNQ finds no device on this machine before runtime is imported, so it is not to look for one."""
    arguments = ["pynq get-notebooks", "--ignore-overlays", "--path", str(tmp_path), "resflow"]
    script = f"import sys; sys.argv = {arguments!r}; from pynq._cli.get_notebooks import main; main()"
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "resflow" / "resnet.ipynb").read_bytes() == NOTEBOOK.read_bytes()


@pytest.mark.parametrize(
    "content", [tiny.xclbin(head="rom"), tiny.loaded_xclbin(), tiny.loaded_xclbin(head="stream")], ids=["rom", "loaded", "stream"]
)
def test_pynq_s_way_whatever_is_read_from_memory(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tiny.xclbin"
    path.write_bytes(content)
    source = next(cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if "unit.call(" in cell.source)
    with runtime.Accelerator.open(path) as accelerator:
        names = {"XCLBIN": str(path), "device": accelerator.devices[0], "manifest": accelerator.manifest, "accelerator": accelerator}
        exec(source, names | {"np": np, "runtime": runtime})
    assert capsys.readouterr().out.endswith("as the accelerator says: True\n")
