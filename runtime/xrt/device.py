"""Cards under PYNQ 4, which finds none itself any more: a PYNQ device over XRT.

XRT schedules the runs, maps the buffers and moves the bytes. This room keeps each of XRT's objects for as long as it is needed,
and checks an xclbin before XRT sees it, which would report no more than an error number.
"""

from __future__ import annotations

from runtime.container.manifest import Target
from runtime.container.xclbin import Xclbin
from runtime.device.base import BaseDevice, Session
from runtime.errors import DeviceError
from runtime.xrt import cards
from runtime.xrt import library as xrt
from runtime.xrt.cards import Card
from runtime.xrt.session import XrtSession


class XrtDevice(BaseDevice):
    """A card, or XRT's emulation of one. The card is opened when something is loaded; `close` gives it back."""

    _probe_priority_ = 250  # after PYNQ's own, before the emulated device

    @classmethod
    def _probe_(cls) -> list[XrtDevice]:
        """The cards, or the one the environment chooses; none where XRT cannot be used."""
        chosen = cards.chosen()
        if chosen == cards.EMULATION:
            return []
        present = cards.cards() if chosen is None else (cards.find(chosen, f"{cards.VARIABLE}="),)
        if not present:
            return []
        try:
            xrt.load()
        except DeviceError:
            if chosen is not None:
                raise
            return []
        return [cls(card) for card in present]

    def __init__(self, card: Card) -> None:
        super().__init__(f"xrt{card.index}")
        self.card = card

    @property
    def name(self) -> str:
        return self.card.shell or str(self.tag)

    @property
    def bdf(self) -> str | None:
        return self.card.bdf

    @property
    def computes(self) -> bool:
        return xrt.mode() != "noop"

    def check(self, xclbin: Xclbin) -> None:
        manifest = xclbin.manifest
        if not xrt.mode() and manifest.target is not Target.HW:
            fix = "build one for the card, or open it with device='emulation' (pynq: RESFLOW_DEVICE=emulation)"
            raise DeviceError(xclbin.path, "built for emulation", f"{self.card.shell or 'the card'} runs bitstreams", fix)
        if not self.card.takes(manifest.platform):
            fix = "flash the card with that shell, or link the xclbin for the card's platform"
            raise DeviceError(xclbin.path, f"built for {manifest.platform}", f"the card at {self.card.bdf} is {self.card.shell}", fix)
        if xclbin.axlf.version[0] != xrt.MAJOR:
            written = ".".join(map(str, xclbin.axlf.version))
            why, fix = f"this runtime works with XRT {xrt.MAJOR}", "link it again with the Vitis of the XRT installed here"
            raise DeviceError(xclbin.path, f"made for XRT {written}", why, fix)

    @property
    def _loaded(self) -> Session:
        if isinstance(self._now, XrtSession):
            self._now.library.check_process(self.tag)
        return super()._loaded

    def load(self, xclbin: Xclbin) -> XrtSession:
        return XrtSession(xrt.load(), self.card, xclbin)
