from typing import Any

class Simulator:
    def __init__(
        self, processes: list[tuple[list[tuple[bytes, int]], list[int], list[int], int, bool]], latencies: list[int], slices: list[int]
    ) -> None: ...
    def run(
        self,
        *,
        depths: list[int],
        frames: int,
        spacing: int,
        interval: int,
        losing: int,
        recurring: bool,
        arrivals: dict[int, Any],
        recorded: list[int],
    ) -> dict[str, Any]: ...
