from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import runtime
from runtime import Accelerator
from runtime.__main__ import main
from runtime.container.axlf import Axlf
from runtime.container.manifest import Pictures
from runtime.container.xclbin import Xclbin
from runtime.device import pci
from runtime.emulation.emulator import available_paths
from tests.runtime import tiny


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images and an xclbin in the current directory."""
    monkeypatch.chdir(tmp_path)
    tiny.write(Path("tiny.xclbin"))
    for seed, name in enumerate(("a.png", "b.png")):
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8)).astype(np.uint8)).save(name)


def names(path: str) -> list[str]:
    with Accelerator.open("tiny.xclbin") as accelerator:
        labels = accelerator.classify(np.asarray(Image.open(path))[:, :, np.newaxis])
        return [accelerator.label_names[label] for label in labels]


def test_a_line_for_every_image(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "tiny.xclbin", "a.png", "b.png"]) == 0
    assert capsys.readouterr() == (f"a.png: {', '.join(names('a.png'))}\nb.png: {', '.join(names('b.png'))}\n", "")


def test_fewer_labels(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "tiny.xclbin", "a.png", "--top", "1"]) == 0
    assert capsys.readouterr().out == f"a.png: {names('a.png')[0]}\n"


def test_labels_without_names_are_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    digits = [str(tiny.manifest(tiny.network()).label_names.index(name)) for name in names("a.png")]
    tiny.write(Path("tiny.xclbin"), label_names=())
    assert main(["classify", "tiny.xclbin", "a.png"]) == 0
    assert capsys.readouterr().out == f"a.png: {', '.join(digits)}\n"


def test_scores_behind_the_labels(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a network that gives them; the trace says what they are."""
    tiny.write(Path("tiny.xclbin"), scores="int32")
    with Accelerator.open("tiny.xclbin") as accelerator:
        scores = accelerator.trace(np.asarray(Image.open("a.png"))[:, :, np.newaxis])["scores"]
    named = [f"{name} {scores[tiny.manifest(tiny.network()).label_names.index(name)]}" for name in names("a.png")]
    assert len(set(scores.tolist())) > 3
    assert main(["classify", "tiny.xclbin", "a.png", "none.png", "--scores"]) == 1
    assert capsys.readouterr().out == f"a.png: {', '.join(named)}\n"
    assert main(["classify", "tiny.xclbin", "a.png", "--scores", "--top", "2"]) == 0
    assert capsys.readouterr().out == f"a.png: {', '.join(named[:2])}\n"
    assert main(["classify", "tiny.xclbin", "a.png"]) == 0
    assert capsys.readouterr().out == f"a.png: {', '.join(names('a.png'))}\n"
    assert main(["info", "tiny.xclbin"]) == 0
    assert "labels and scores int32, 24 bytes a frame, to bank0" in capsys.readouterr().out


def test_scores_of_a_network_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "tiny.xclbin", "a.png", "--scores"]) == 1
    assert capsys.readouterr() == (
        "",
        "error: tiny_1: no scores\nwhy: tiny was built to give labels only\nfix: build it with head: {output: scores} in its description\n",
    )


def test_one_bad_image_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "tiny.xclbin", "a.png", "none.png", "b.png"]) == 1
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in out.splitlines()] == ["a.png", "b.png"]
    assert err == "error: none.png: cannot be read\nwhy: No such file or directory\nfix: check the path\n"


def test_too_many_labels(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "tiny.xclbin", "a.png", "--top", "4"]) == 1
    assert capsys.readouterr() == ("", "error: --top: 4\nwhy: tiny gives its 3 best labels\nfix: ask for at most 3\n")


def test_a_bad_xclbin(capsys: pytest.CaptureFixture[str]) -> None:
    data = Path("tiny.xclbin").read_bytes()
    Path("tiny.xclbin").write_bytes(data[:-1])
    assert main(["classify", "tiny.xclbin", "a.png"]) == 1
    out, err = capsys.readouterr()
    where = f"{Path.cwd() / 'tiny.xclbin'}: header"
    assert (out, err) == (
        "",
        f"error: {where}: {len(data) - 1} bytes in all\nwhy: the header says {len(data)}\nfix: build or copy the xclbin again\n",
    )


def test_a_card_s_xclbin_without_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    Path("card.xclbin").write_bytes(tiny.linked_for_a_card())
    assert main(["classify", "card.xclbin", "a.png"]) == 1
    assert "why: there is no card here" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["classify"], ["classify", "tiny.xclbin"], ["classify", "tiny.xclbin", "a.png", "--top", "0"], ["run"]]
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: resflow")


def test_file_names_do_not_speak_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    odd = "\x1b[2J\n\udcff ü.png"
    os.rename("a.png", odd)
    assert main(["classify", "tiny.xclbin", odd]) == 0
    assert capsys.readouterr().out.startswith("\\x1b[2J\\n\\udcff ü.png: ")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(runtime.__file__).parents[1])} | variables
    command = [sys.executable, "-m", "runtime", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_as_a_program() -> None:
    os.rename("a.png", "ü.png")
    ran = run("classify", "tiny.xclbin", "ü.png", PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"\\xfc.png: {', '.join(names('ü.png'))}\n"


def test_a_reader_that_goes_away() -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(runtime.__file__).parents[1])}
    program = subprocess.Popen(
        [sys.executable, "-m", "runtime", "classify", "tiny.xclbin", "a.png"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout is not None
    program.stdout.close()
    assert program.stderr is not None
    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait() == 1


def test_info_of_a_file_and_the_machine(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pci, "SYSFS", Path.cwd())
    monkeypatch.delenv("XILINX_XRT", raising=False)
    data = Path("tiny.xclbin").read_bytes()
    axlf = Axlf.parse(data)
    assert main(["info", "tiny.xclbin"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    start, devices = out.split("sections")
    assert start == (
        f"xclbin     tiny.xclbin, {len(data):,} bytes, SW_EMU, uuid {axlf.uuid.hex()}\n"
        "network    tiny: uint8 (8, 8, 1), 10 classes, the 3 best\n"
        "target     emulation, xilinx_u250_gen3x16_xdma_4_1_202210_1\n"
        "built by   vitis 2022.2\n"
        f"digest     {axlf.digest()}\n"
        "speed      250 MHz, 576 cycles a frame: at most 434,028 frames/s (modelled)\n"
        "arguments  in          0x0010  images, 64 bytes a frame, from bank0\n"
        "           out         0x001c  labels, 12 bytes a frame, to bank0\n"
        "           weightsmem  0x0028  weights int8 (10, 8), from PLRAM[0]\n"
        "           numReps     0x0034  frames of the batch\n"
        "units      tiny_1      0x1800000  bank0, bank0, PLRAM[0]\n"
        "banks      bank0       DDR4    16,777,216 KiB at 0x4000000000\n"
        "           bank1       DDR4    16,777,216 KiB at 0x5000000000, not used\n"
        "           PLRAM[0]    DRAM           128 KiB at 0x3000000000\n"
        "clocks     KERNEL_CLK 250 MHz (KERNEL)\n"
    )
    assert f"\ndevices    emulation, computed with {available_paths()[0]}\n" in devices
    assert main(["info"]) == 0
    assert capsys.readouterr().out.startswith("devices    emulation")


@pytest.mark.parametrize(
    ("pictures", "image", "line"),
    [
        (Pictures(order="rgb", resize=256), (8, 6, 3), "rgb, bilinear to 256 pixels on the shorter side, of these the middle 8 x 6"),
        (Pictures(interpolation="bicubic"), (8, 6, 3), "bgr, bicubic to 8 x 6 pixels"),
        (Pictures(), (8, 6, 1), "grey, bilinear to 8 x 6 pixels"),
    ],
)
def test_info_says_what_becomes_of_pictures(
    capsys: pytest.CaptureFixture[str], pictures: Pictures, image: tuple[int, int, int], line: str
) -> None:
    tiny.write(Path("pictures.xclbin"), image=image, pictures=pictures)
    assert main(["info", "pictures.xclbin"]) == 0
    assert f"\npictures   {line}\n" in capsys.readouterr().out


def test_other_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    described = tiny.network(head="rom")
    arrays = tiny.draw(described, 2)
    np.savez("two.npz", **arrays)
    Path("two.constants").write_bytes(tiny.constants(described).image(arrays))
    Path("loaded.xclbin").write_bytes(tiny.loaded_xclbin(label_names=()))
    tiny.write(Path("rom.xclbin"), head="rom", seed=2, label_names=())
    assert main(["classify", "loaded.xclbin", "a.png", "b.png"]) == 0
    first = capsys.readouterr().out
    assert main(["classify", "rom.xclbin", "a.png", "b.png"]) == 0
    second = capsys.readouterr().out
    assert first != second
    for name in ("two.npz", "two.constants"):
        assert main(["classify", "loaded.xclbin", "a.png", "b.png", "--parameters", name]) == 0
        assert capsys.readouterr().out == second
    Path("labels.txt").write_text(
        "\n".join(f"{name} {line.split()[1][:-1]}" for name, line in zip(("a.png", "b.png"), second.splitlines(), strict=True))
    )
    assert main(["evaluate", "loaded.xclbin", ".", "--labels", "labels.txt", "--parameters", "two.npz"]) == 0
    assert "top-1   100.00%  2 of 2\n" in capsys.readouterr().out
    assert (
        main(["bench", "loaded.xclbin", "--batch", "1", "--repetitions", "1", "--warm-up", "0", "--json", "--parameters", "two.npz"]) == 0
    )
    capsys.readouterr()
    for command in (
        ["classify", "loaded.xclbin", "a.png"],
        ["evaluate", "loaded.xclbin", ".", "--labels", "labels.txt"],
        ["bench", "loaded.xclbin"],
    ):
        assert main([*command, "--parameters", "a.png"]) == 1
        assert capsys.readouterr() == (
            "",
            "error: a.png: no parameters\nwhy: it begins with b'\\x89PNG\\r\\n\\x1a\\n': neither an npz does, nor an image of constants\n"
            "fix: pass an npz of the parameters of tiny, or a .constants file\n",
        )
    assert main(["classify", "tiny.xclbin", "a.png", "--parameters", "two.npz"]) == 1
    assert capsys.readouterr().err.startswith(
        "error: two.npz: cannot be loaded\nwhy: the parameters of this tiny are part of its hardware\n"
    )


def test_info_says_what_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    constants = tiny.constants(tiny.network())
    data = tiny.loaded_xclbin(head="stream")
    Path("loaded.xclbin").write_bytes(data)
    image = Xclbin.parse(data, "").image
    assert main(["info", "loaded.xclbin"]) == 0
    out = capsys.readouterr().out
    cycles = 2 * -(-constants.words // 8) * 8
    assert (
        f"constants  loaded: {constants.words} words into {len(constants.layouts)} memories, in {cycles / 250e3:.3g} ms (modelled)\n"
        "           fingerprint of the hardware 0123456789abcdef0123456789abcdef\n"
        f"           the xclbin brings an image of {len(image):,} bytes, CRC-32 {zlib.crc32(image[64:]):08x}\n"
    ) in out
    assert "weightsmem  0x0028  weights int8 (10, 8), or an image of constants, from bank0\n" in out
    assert "numReps     0x0034  frames of the batch; 0 loads constants\n" in out


def test_a_device_can_be_named_anywhere(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pci, "SYSFS", Path.cwd())
    assert main(["classify", "tiny.xclbin", "a.png", "--device", "emulation"]) == 0
    monkeypatch.setenv("RESFLOW_DEVICE", "emulation")
    assert main(["classify", "tiny.xclbin", "a.png"]) == 0
    capsys.readouterr()
    for command in ("classify", "bench", "info", "power"):
        arguments = {"classify": ["tiny.xclbin", "a.png"], "bench": ["tiny.xclbin"]}.get(command, [])
        assert main([command, *arguments, "--device", "7"]) == 1
        out, err = capsys.readouterr()
        assert (out, err.split("\n")[0]) == ("", "error: device '7': no such card")


def test_power_is_not_made_up(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["power", "--device", "emulation"]) == 1
    assert capsys.readouterr() == (
        "",
        "error: device 'emulation': no power\nwhy: it has no sensors, and numbers are not made up\nfix: choose a card\n",
    )
    monkeypatch.setenv("XCL_EMULATION_MODE", "noop")
    assert main(["power"]) == 1
    assert capsys.readouterr().err.startswith("error: XRT's noop emulation: power not available\n")


def test_a_live_line_of_power(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pci, "SYSFS", Path.cwd())
    xmc = Path("devices/0000:3b:00.1/xmc.u.1")
    xmc.mkdir(parents=True)
    Path("drivers/xocl/0000:3b:00.1").mkdir(parents=True)
    for name, value in {"12v_pex_vol": 12_000, "12v_pex_curr": 2_000, "vccint_vol": 850, "vccint_curr": 10_000}.items():
        (xmc / f"xmc_{name}").write_text(str(value))
    assert main(["power", "--seconds", "0.1"]) == 0
    line = capsys.readouterr().out
    assert line.endswith(" s  board 24.0 W  FPGA 8.5 W  12v_pex 12.00 V 2.00 A  vccint 0.85 V 10.00 A\n")


def test_bench(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "tiny.xclbin", "--batch", "1", "4", "--repetitions", "3", "--warm-up", "0", "--plot", "out.png"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert (err, lines[0].split(" on ")[0], lines[0].endswith(", 3 repetitions")) == ("", "tiny", True)
    assert [line.split()[0] for line in lines[1:4]] == ["batch", "1", "4"]
    assert Path("out.png").stat().st_size > 1000
    assert main(["bench", "tiny.xclbin", "--batch", "2", "--repetitions", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [row["batch"] for row in report["rows"]] == [2]


WRONG = [
    ("classify tiny.xclbin a.png --top abc", "--top: 'abc': not a whole number; write 1 to 1,000,000"),
    ("classify tiny.xclbin a.png --top 0", "--top: '0': out of range; write 1 to 1,000,000"),
    ("bench tiny.xclbin --batch 1 0", "--batch: '0': out of range; write 1 to 100,000"),
    ("bench tiny.xclbin --batch 1e3", "--batch: '1e3': not a whole number; write 1 to 100,000"),
    (f"bench tiny.xclbin --batch {'9' * 5000}", f"--batch: '{'9' * 40}': out of range; write 1 to 100,000"),
    ("bench tiny.xclbin --repetitions -1", "--repetitions: '-1': out of range; write 1 to 1,000,000"),
    ("bench tiny.xclbin --warm-up -1", "--warm-up: '-1': out of range; write 0 to 1,000,000"),
    ("bench tiny.xclbin --plot none/out.png", "--plot: 'none/out.png': there is no folder none; make the folder, or choose another"),
    ("bench tiny.xclbin --plot out.xyz", "--plot: 'out.xyz': a kind of file that cannot be written; let its name end in .png, .pdf, .svg"),
    (
        "evaluate tiny.xclbin . --labels l --csv none/r.csv",
        "--csv: 'none/r.csv': there is no folder none; make the folder, or choose another",
    ),
    ("evaluate tiny.xclbin . --labels l --csv .", "--csv: '.': not the name of a file; name a file"),
    ("power --seconds nan", "--seconds: 'nan': out of range; write 0.1 to 1,000,000,000"),
    ("power --seconds inf", "--seconds: 'inf': out of range; write 0.1 to 1,000,000,000"),
    ("power --seconds soon", "--seconds: 'soon': not a number; write 0.1 to 1,000,000,000"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[message[:30] for _, message in WRONG])
def test_values_are_refused_before_anything_is_begun(capsys: pytest.CaptureFixture[str], call: str, message: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(call.split())
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.endswith(f"error: argument {message}\n")


def test_a_plot_that_cannot_be_drawn_is_refused_at_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.arguments.find_spec", lambda _: None)
    with pytest.raises(SystemExit):
        main(["bench", "tiny.xclbin", "--plot", "out.png"])
    what = "'out.png': matplotlib, which draws it, is not installed; pip install 'resflow[notebooks]'"
    assert capsys.readouterr().err.endswith(f"error: argument --plot: {what}\n")


def test_a_device_the_environment_names(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pci, "SYSFS", Path.cwd())
    monkeypatch.setenv("RESFLOW_DEVICE", "u999")
    for call in (["classify", "tiny.xclbin", "a.png"], ["info"], ["power"]):
        assert main(call) == 1
        assert capsys.readouterr() == (
            "",
            "error: RESFLOW_DEVICE='u999': no such card\nwhy: there is none: no device is held by the driver xocl\n"
            "fix: choose by index, PCIe address or shell name, or 'emulation'\n",
        )


@pytest.mark.parametrize("threads", ["0", "-1", "1e3", "9" * 5000, "²"])
def test_threads_the_environment_names(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, threads: str) -> None:
    monkeypatch.setenv("RESFLOW_EMULATOR_THREADS", threads)
    assert main(["classify", "tiny.xclbin", "a.png"]) == 1
    assert capsys.readouterr().err.startswith("error: RESFLOW_EMULATOR_THREADS: '")
    for name in ("RESFLOW_EMULATOR_THREADS", "RESFLOW_EMULATOR_PATH", "RESFLOW_DEVICE"):
        monkeypatch.setenv(name, "")  # as if it were not set
    assert main(["classify", "tiny.xclbin", "a.png"]) == 0
