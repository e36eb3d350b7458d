from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import pynq
import pytest

from runtime import DeviceError, EmulatedDevice, XrtDevice
from runtime.device import pci, sensors
from runtime.device.sensors import Rail
from runtime.power import Recording, Sample
from runtime.xrt.cards import Card

BDF = "0000:3b:00.1"
MILLI = {"12v_aux": (12_050, 1_500), "12v_pex": (11_980, 2_000), "vccint": (850, 20_500), "3v3_pex": (3_300, 100), "3v3_aux": (0, 0)}


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> XrtDevice:
    """A card whose driver has the files of the original's."""
    monkeypatch.setattr(pci, "SYSFS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("XILINX_XRT", raising=False)
    xmc = tmp_path / "devices" / BDF / "xmc.u.15204352"
    xmc.mkdir(parents=True)
    for name, (millivolts, milliamps) in MILLI.items():
        (xmc / f"xmc_{name}_vol").write_text(f"{millivolts}\n")
        (xmc / f"xmc_{name}_curr").write_text(f"{milliamps}\n")
    return XrtDevice(Card(index=0, bdf=BDF, shell=""))


def rail(name: str, volts: str, amps: str, present: str = "true") -> dict[str, Any]:
    return {
        "id": name,
        "description": name,
        "voltage": {"volts": volts, "is_present": present},
        "current": {"amps": amps, "is_present": present},
    }


ELECTRICAL = {
    "power_consumption_watts": "42.5",
    "power_rails": [rail("12v_aux", "12.05", "1.5"), rail("12v_pex", "11.98", "2"), rail("vccint", "0.85", "20.5"),
                    rail("5v5_system", "0", "0", "false"), {"id": "half"}, rail("odd", "a few", "2"), 3],
}  # fmt: skip
EXPECTED = (
    Rail(name="12v_aux", volts=12.05, amps=1.5),
    Rail(name="12v_pex", volts=11.98, amps=2.0),
    Rail(name="vccint", volts=0.85, amps=20.5),
)


def test_the_driver_s_files(card: XrtDevice) -> None:
    read = sensors.rails(card)
    assert read is not None
    assert read() == (*EXPECTED, Rail(name="3v3_pex", volts=3.3, amps=0.1))
    sample = Sample(seconds=0, rails=read())
    assert sample.board_watts == pytest.approx(12.05 * 1.5 + 11.98 * 2)
    assert sample.fpga_watts == pytest.approx(0.85 * 20.5)


@pytest.mark.parametrize(
    "wrapped", [ELECTRICAL, {"electrical": ELECTRICAL}, {"schema_version": {}, "devices": [{"electrical": ELECTRICAL}]}]
)
def test_the_report_of_xbutil(wrapped: Any) -> None:
    assert sensors.parse(json.dumps(wrapped).encode()) == EXPECTED


@pytest.mark.parametrize("content", [b"", b"{}", b"[1, 2]", b'{"power_rails": 3}', b"\xff", b"no JSON"])
def test_other_reports(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of json, of utf-8, or ours)
        sensors.parse(content)


def stub(folder: Path, name: str, text: str) -> None:
    """A tool that answers to xbutil's arguments."""
    (folder / "bin").mkdir(exist_ok=True)
    script = f"""#!{sys.executable}
import sys
assert sys.argv[1:9] == "examine -d {BDF} -r electrical -f JSON -o".split(), sys.argv
open(sys.argv[9], "x").write({text!r})
"""
    path = folder / "bin" / name
    path.write_text(script)
    path.chmod(0o755)


def without_files(folder: Path) -> None:
    for path in (folder / "devices" / BDF).glob("xmc*/*"):
        path.unlink()


def test_the_tool_where_the_driver_has_no_files(card: XrtDevice, tmp_path: Path) -> None:
    without_files(tmp_path)
    assert sensors.rails(card) is None
    stub(tmp_path, "xbutil", json.dumps({"devices": [{"electrical": ELECTRICAL}]}))
    with Recording(card, interval=0.01) as recording:
        wait_for(recording, 2)
    assert recording.samples[0].rails == EXPECTED


def test_a_tool_that_fails(card: XrtDevice, tmp_path: Path) -> None:
    without_files(tmp_path)
    stub(tmp_path, "xrt-smi", "{}")
    with Recording(card) as recording:
        deadline = time.monotonic() + 20
        while recording.error is None and time.monotonic() < deadline:
            time.sleep(0.01)
    tool = tmp_path / "bin" / "xrt-smi"
    assert str(recording.error) == (
        f"{tool}: no electrical report\nwhy: ValueError: no power_rails\nfix: try it: {tool} examine -d {BDF} -r electrical -f JSON"
    )
    assert recording.samples == []
    assert recording.mean_board_watts is None


def wait_for(recording: Recording, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(recording.samples) < count and time.monotonic() < deadline:
        time.sleep(0.005)


def test_a_recording(card: XrtDevice) -> None:
    with Recording(card, interval=0.005) as recording:
        wait_for(recording, 3)
    count = len(recording.samples)
    assert count >= 3
    seconds = [sample.seconds for sample in recording.samples]
    assert seconds == sorted(seconds)
    assert recording.mean_board_watts == pytest.approx(12.05 * 1.5 + 11.98 * 2)
    assert recording.mean_fpga_watts == pytest.approx(0.85 * 20.5)
    time.sleep(0.05)
    assert len(recording.samples) == count
    frame = recording.frame()
    assert list(frame.columns[:4]) == ["board_watts", "fpga_watts", "12v_aux_volts", "12v_aux_amps"]
    assert len(frame) == count


def watts(rails: Any, name: str) -> float:
    value: float = rails[name].power.value
    return value


def test_pynq_s_power_classes(card: XrtDevice, tmp_path: Path) -> None:
    """From the driver's files, also those of rails without a current."""
    for name, millivolts in {"0v85": 850, "1v8": 1800, "mgt0v9avcc": 900, "12v_sw": 12_000, "mgtavtt": 1200, "sys_5v5": 5500}.items():
        (tmp_path / "devices" / BDF / "xmc.u.15204352" / f"xmc_{name}").write_text(f"{millivolts}\n")
    rails = pynq.pmbus.get_xrt_sysfs_rails(card)
    assert watts(rails, "12v_aux") == pytest.approx(12.05 * 1.5)
    assert watts(rails, "12v_pex") == pytest.approx(11.98 * 2)
    assert watts(rails, "vccint") == pytest.approx(0.85 * 20.5)
    volts = {name: rail.voltage.value for name, rail in card.sensors.items() if rail.power is None}
    known = {"0v85": 0.85, "1v8": 1.8, "mgt0v9avcc": 0.9, "12v_sw": 12, "mgtavtt": 1.2, "sys_5v5": 5.5, "3v3_pex": 3.3}
    assert math.isnan(volts.pop("3v3_aux"))  # a file that reads 0 is of a supply the card does not have
    assert volts == pytest.approx(known)
    assert (card.device_info.bdf, card.device_info.name) == (BDF, "xrt0")


def test_pynq_records_what_the_card_draws(card: XrtDevice, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    current = tmp_path / "devices" / BDF / "xmc.u.15204352" / "xmc_vccint_curr"
    rails = pynq.pmbus.get_xrt_sysfs_rails(card)
    recorder = pynq.pmbus.DataRecorder(rails["12v_aux"].power, rails["12v_pex"].power, rails["vccint"].power)
    with recorder.record(0.005):
        deadline = time.monotonic() + 20
        while len(recorder.frame) < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        current.write_text("10000\n")
        while recorder.frame["vccint_power"].iloc[-1] > 10 and time.monotonic() < deadline:
            time.sleep(0.005)
    frame = recorder.frame
    assert frame["12v_aux_power"].mean() == pytest.approx(12.05 * 1.5)
    assert frame["vccint_power"].iloc[[0, -1]].tolist() == pytest.approx([0.85 * 20.5, 0.85 * 10])


def test_pynq_s_power_classes_from_the_report(card: XrtDevice, tmp_path: Path) -> None:
    without_files(tmp_path)
    more = [rail("1v8_top", "1.8", "0"), rail("0v9_vcc", "0.9", "0"), rail("mgt_vtt", "1.2", "0"), rail("5v5_system", "5.5", "0")]
    for each in more:
        each["current"]["is_present"] = "false"
    stub(tmp_path, "xbutil", json.dumps({"electrical": {"power_rails": [rail("12v_pex", "12", "2"), rail("vccint", "0.85", "20"), *more]}}))
    rails = pynq.pmbus.get_xrt_sysfs_rails(card)
    assert [watts(rails, name) for name in ("12v_pex", "vccint")] == pytest.approx([24, 17])
    assert watts(rails, "12v_aux") == 0  # a card without this supply: what the board draws is the sum all the same
    assert [rails[name].voltage.value for name in ("1v8", "mgt0v9avcc", "mgtavtt", "sys_5v5")] == pytest.approx([1.8, 0.9, 1.2, 5.5])
    assert math.isnan(rails["0v85"].voltage.value)


def test_pynq_s_power_classes_where_the_reading_fails(card: XrtDevice, tmp_path: Path) -> None:
    without_files(tmp_path)
    stub(tmp_path, "xrt-smi", "{}")
    with pytest.warns(RuntimeWarning, match=r"xrt-smi: no electrical report\nwhy: ValueError: no power_rails\nfix: try it: "):
        info = card.device_info
    assert math.isnan(info.m12VAux)
    assert math.isnan(info.mCurrent)


def test_an_emulated_device_draws_nothing_that_could_be_told() -> None:
    for device in (EmulatedDevice(), XrtDevice(Card(index=0, bdf=None, shell="XRT's noop emulation"))):
        with Recording(device) as recording:
            pass
        assert (recording.available, recording.samples, recording.mean_board_watts, recording.mean_fpga_watts) == (False, [], None, None)
        assert recording.frame().empty


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DeviceError) as caught:
        Recording(EmulatedDevice()).frame()
    assert str(caught.value) == (
        "power: no table\nwhy: pandas is not installed, and it is not needed otherwise\nfix: pip install pandas, or use .samples"
    )
