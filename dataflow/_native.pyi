from typing import Any

class Simulator:
    def __init__(
        self, processes: list[tuple[list[tuple[bytes, int]], list[int], list[int], int]], latencies: list[int]
    ) -> None: ...
    def run(self, *, depths: list[int], frames: int, spacing: int, settle: int, losing: int, trace: bool) -> dict[str, Any]: ...
