from __future__ import annotations

import numpy as np
import pytest

from runtime.emulation.memory import EmulatedBank
from runtime.errors import DeviceError


def bank(size: int = 64 * 1024) -> EmulatedBank:
    return EmulatedBank(tag="bank0", base=0x40_0000_0000, size=size)


def test_ranges_start_on_pages_and_are_used_again() -> None:
    memory = bank()
    first, second, third = memory.allocate(1), memory.allocate(4097), memory.allocate(4096)
    assert [allocation.address - memory.base for allocation in (first, second, third)] == [0, 0x1000, 0x3000]
    memory.free(second)
    assert not second.live
    assert memory.allocate(8193).address - memory.base == 0x4000
    assert memory.allocate(8192).address == second.address


def test_host_and_device_are_apart_until_synced() -> None:
    memory = bank()
    allocation = memory.allocate(10)
    allocation.host[:] = 7
    assert not allocation.device.any()
    allocation.to_device(2, 3)
    assert allocation.device.tolist() == [0, 0, 7, 7, 7, 0, 0, 0, 0, 0]
    allocation.device[:] = 9
    allocation.from_device(8, 2)
    assert allocation.host.tolist() == [7] * 8 + [9] * 2


def test_the_device_sees_its_bytes_by_address() -> None:
    memory = bank()
    first, second = memory.allocate(100), memory.allocate(100)
    second.device[:] = np.arange(100)
    view = memory.view(second.address + 98, 2)
    assert view is not None
    assert view.tolist() == [98, 99]
    for address, size in ((memory.base - 1, 1), (first.address + 90, 11), (second.address + 100, 1), (first.address + 0x800, 1)):
        assert memory.view(address, size) is None
    memory.free(second)
    assert memory.view(second.address, 1) is None


def test_a_bank_has_an_end() -> None:
    memory = bank(3 * 4096)
    kept = memory.allocate(8192)
    with pytest.raises(DeviceError) as caught:
        memory.allocate(4097)
    assert str(caught.value) == (
        "bank0: no room for 4097 bytes\n"
        "why: the bank has 12288 bytes, 8192 of them in 1 buffers\n"
        "fix: free buffers, or use smaller batches"
    )  # fmt: skip
    assert memory.allocate(4096).address == kept.address + 8192


def test_a_bank_may_be_larger_than_the_machine() -> None:
    with pytest.raises(DeviceError, match=r"^bank0: no room for 1125899906842624 bytes\nwhy: this machine has less memory than the card\n"):
        bank(2**50).allocate(2**50)
