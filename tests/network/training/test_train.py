"""From pictures to an accelerator's parameters: killed and resumed, kept descriptions, wrong options."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import network
from network import parameters, reference

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("brevitas", reason="training needs the extra `train`")
train = pytest.importorskip("network.training.train")
from network.importers.onnx import check, convert  # noqa: E402
from network.importers.onnx.write import Naming  # noqa: E402
from network.model import Pictures  # noqa: E402
from network.training import data, models  # noqa: E402
from network.training.checkpoint import Checkpoint  # noqa: E402
from network.training.data import TrainingError  # noqa: E402
from network.training.keep import fitted  # noqa: E402
from runtime.errors import ImageError  # noqa: E402

ROOT = Path(__file__).parents[3]
DIGITS = ["--arch", "resnet8", "--data", "digits", "--weights", "4", "--acts", "3", "--epochs", "2", "--batch", "240"]


def settled(arch: str, bits: tuple[int, int], shape: tuple[int, int, int]) -> Any:
    """A network whose statistics are those of random images; and such images."""
    torch.manual_seed(1)
    model = models.ResNet(models.ARCHITECTURES[arch], shape[0], 10, models.Bits(*bits))
    images = torch.randint(0, 256, (48, *shape))
    for _ in range(3):
        model(images / 255)
    return model.eval(), np.ascontiguousarray(images[:6].permute(0, 2, 3, 1).numpy().astype(np.uint8))


def taken(model: Any, shape: tuple[int, int, int], folder: Path) -> Any:
    models.export(model, *shape, folder / "little.onnx")
    imported = convert.convert(folder / "little.onnx")
    naming = Naming(network="little", platform="u250", file="little.onnx", pictures=Pictures("rgb"))
    return imported, *convert.save(imported, folder / "little.yaml", folder / "little.npz", naming)


@pytest.mark.parametrize(
    ("arch", "bits", "shape"),
    [("digits", (1, 2), (1, 8, 8)), ("resnet8", (2, 3), (3, 16, 16)), ("resnet8", (8, 8), (1, 9, 7)), ("resnet8", (1, 2), (3, 8, 8))],
)
def test_an_exported_network_is_imported_code_by_code(
    arch: str, bits: tuple[int, int], shape: tuple[int, int, int], tmp_path: Path
) -> None:
    model, images = settled(arch, bits, shape)
    imported, described, arrays = taken(model, shape, tmp_path)
    report = check.compare(imported, described, arrays, images)
    assert (report.is_exact, report.is_equal) == (True, True)
    assert described.head.fc.factors is None  # scores are in the steps of the quantized bias
    assert {conv.weight.bits for conv in described.convs[1:]} == {bits[0]}
    assert described.convs[0].weight.bits == described.head.fc.weight.bits == 8
    with torch.no_grad():
        scores = model(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)
    integers = reference.trace(described, arrays, images)["scores"]
    spread = float(scores.max() - scores.min())
    scale = imported.lowered.score_scale
    assert np.mean(np.abs(integers * scale - scores.numpy()) < 0.02 * spread) > 0.9  # float32 may fall on the other side of a threshold


def test_a_description_by_hand_is_kept(tmp_path: Path) -> None:
    model, images = settled("digits", (1, 2), (1, 8, 8))
    _, imported, arrays = taken(model, (1, 8, 8), tmp_path)
    described = network.load(ROOT / "configs" / "digits.yaml")
    parameters.save(tmp_path / "digits.npz", fitted(described, imported, arrays, images))
    checked = parameters.load(described, tmp_path / "digits.npz")
    found, expected = (reference.trace(*each, images) for each in ((described, checked), (imported, arrays)))
    np.testing.assert_array_equal(found["scores"], expected["scores"])
    assert len(np.unique(found["scores"])) > 20


def test_a_description_of_another_network_is_refused(tmp_path: Path) -> None:
    model, images = settled("resnet8", (2, 3), (1, 8, 8))
    _, imported, arrays = taken(model, (1, 8, 8), tmp_path)
    with pytest.raises(TrainingError, match=r"digits: it has .*, which the trained network has not\n  why: a description that was not"):
        fitted(network.load(ROOT / "configs" / "digits.yaml"), imported, arrays, images)


def test_a_description_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    model, images = settled("resnet8", (2, 3), (1, 8, 8))
    _, imported, arrays = taken(model, (1, 8, 8), tmp_path)
    other = tmp_path / "other.yaml"
    text = (tmp_path / "little.yaml").read_text()
    other.write_text(re.sub(r"(  res3a:.*?)stride: 2", r"\1stride: 2, pad: [0, 1]", text, count=1, flags=re.DOTALL))
    assert other.read_text() != text
    with pytest.raises(TrainingError, match="little: it computes other scores than the trained network"):
        fitted(network.load(other), imported, arrays, images)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_interrupted_and_resumed_it_ends_with_the_same_parameters(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after SIGKILL: what goes on knows the checkpoint, and nothing else."""
    name = "resnet8_w4a3"
    assert train.main(DIGITS) == 0
    printed = capsys.readouterr().out
    right = re.search(r"accuracy .*: (\d+) of 360 validation images in integer arithmetic\n$", printed)
    assert right is not None
    assert int(right[1]) > 100  # of 36 by chance
    whole, text = (here / "params" / f"{name}.npz").read_bytes(), (here / "configs" / f"{name}.yaml").read_text()
    described = network.load(here / "configs" / f"{name}.yaml")
    assert (described.images, described.labels[3]) == ("digits", "3")
    for each in ("params", "configs"):
        shutil.rmtree(here / each)

    def save(self: Checkpoint, *parts: Any) -> None:
        original(self, *parts)
        raise KeyboardInterrupt

    original = Checkpoint.save
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", save)
        assert train.main(DIGITS) == 130
    assert not list((here / "params").iterdir())
    assert train.main([*DIGITS, "--resume"]) == 0
    assert "going on after step 5 of 10" in capsys.readouterr().out
    assert (here / "params" / f"{name}.npz").read_bytes() == whole
    assert (here / "configs" / f"{name}.yaml").read_text() == text
    # Other options are those of another training.
    assert train.main([*DIGITS, "--resume", "--rate", "0.5"]) == 1
    assert capsys.readouterr().err == (
        f"error: build/{name}/training/checkpoint.pt: rate was 0.01, and is 0.5\n  why: a training goes on as it began\n"
        "  fix: write the options of that training, or leave out --resume to begin again\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume"], "error: build/resnet8_w4a3/training/checkpoint.pt: there is no checkpoint\n"),
        (["--augment", "crop"], "error: --augment crop: these pictures are of one small size\n"),
        (["--data", "nowhere"], "error: --data nowhere: not a folder\n"),
        (["--device", "cuda"], "error: --device cuda: PyTorch finds no GPU\n"),
    ],
)
def test_wrong_options_are_refused_before_training(
    words: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert train.main([*DIGITS, *words]) == 1
    found = capsys.readouterr()
    assert found.err.startswith(message)
    assert "epoch" not in found.out
    assert not list(here.glob("params/*"))


def test_unreadable_pictures_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    pictures = data.digits()
    assert train.tell_unreadable(pictures, 0) == 0
    pictures.training.unreadable[Path("a.png")] = ImageError("a.png", "not an image", "", "")
    assert train.tell_unreadable(pictures, 0) == 1
    pictures.validation.unreadable[Path("b.png")] = ImageError("b.png", "cannot be read", "", "")
    assert train.tell_unreadable(pictures, 1) == train.tell_unreadable(pictures, 2) == 2
    assert capsys.readouterr().out == (
        "1 picture cannot be read and is left out; the first: a.png: not an image\n"
        "2 pictures cannot be read and are left out; the first: a.png: not an image\n"
    )


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_a_damaged_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"checkpoint.pt: not a checkpoint: .*\n  why: --resume goes on from it"):
        Checkpoint(path, {}).load("cpu")


def test_wrong_numbers_are_argparse_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train.main([*DIGITS, "--weights", "9"])
    assert ended.value.code == 2
    assert "argument --weights: '9': out of range: it counts bits; write 1 to 8" in capsys.readouterr().err
