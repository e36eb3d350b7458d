"""Has PYNQ find our devices as soon as it is imported, and does not import it for who does not use it: that takes half a second."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

DEVICES = (("runtime.xrt.device", "XrtDevice", 250), ("runtime.emulation.device", "EmulatedDevice", 300))
"""Module, class, and its place in the order in which PYNQ asks for devices: its own come first, then cards, then the emulated one."""


def register() -> None:
    """Have PYNQ know our devices as soon as it is imported, now or later."""
    if "pynq" not in sys.modules:
        sys.meta_path.insert(0, _Watch())
        return
    import pynq

    if hasattr(pynq.Device, "_devices"):  # it makes its list once: ours are added to it
        for module, name, _ in DEVICES:
            pynq.Device.devices.extend(_device(module, name)._probe_())
    else:
        _announce(pynq)


def _device(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _announce(pynq: ModuleType) -> None:
    """Have deputies stand for our devices, which import them when PYNQ asks: importing them now would be a circle where they import PYNQ.

    PYNQ asks every subclass of its Device, one for each place in the order, where a class of the same name replaces another.
    """
    for module, name, place in DEVICES:

        def probe(_: type, module: str = module, name: str = name) -> Any:
            return _device(module, name)._probe_()

        type(name, (pynq.Device,), {"_probe_priority_": place, "_probe_": classmethod(probe)})


class _Watch:
    """Finds no module itself, but announces our devices when PYNQ was imported."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "pynq":
            return None
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, found), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                with warnings.catch_warnings():
                    # PYNQ is made for boards, and warns of every machine that is none; an emulated device needs nothing of what it misses.
                    warnings.simplefilter("ignore", ResourceWarning)
                    execute(module)
                _announce(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
