"""A few hundred damaged graphs; ten thousand by hand: `python -m tests.network.importers.mutations 10000`."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from codegen.errors import FourPartError
from tests.network.importers import importing, mutations
from tests.network.importers.mutations import Outcome, outcome

SEEDS = 300
GROUP = 50


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_damaged_graphs_are_imported_or_refused(first: int, tmp_path: Path) -> None:
    faults = []
    for seed in range(first, first + GROUP):
        data, done = mutations.mutated(seed)
        result = outcome(data, tmp_path, importing.take_and_compare)
        if result.kind == "fault":
            faults.append(f"seed {seed}, {done}: {result.detail}")
    assert not faults, "\n".join(faults)


def test_undamaged_ones_are_imported(tmp_path: Path) -> None:
    assert [outcome(data, tmp_path, importing.take_and_compare) for data in mutations.originals()] == [Outcome("imported", "")] * 4


def test_the_same_seed_damages_the_same() -> None:
    assert [mutations.mutated(seed) for seed in range(40)] == [mutations.mutated(seed) for seed in range(40)]


@pytest.mark.parametrize("mutation", mutations.MUTATIONS, ids=lambda each: each.__name__)
def test_every_mutation_damages(mutation: mutations.Mutation) -> None:
    changed = 0
    for seed in range(12):
        model = onnx.load_model_from_string(mutations.originals()[seed % 4])
        mutation(model, mutations.random.Random(seed))
        changed += model.SerializeToString() not in mutations.originals()
    assert changed > 4


def test_what_counts_as_an_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Path) -> None:
        raise FourPartError("little.onnx: node a (Conv)", "it is grouped", why="one group", fix="export it so")

    def breaks(*_: Path) -> None:
        raise KeyError("a")

    def is_half(*_: Path) -> None:
        raise FourPartError("little.onnx", "", why="", fix="")

    def hangs(*_: Path) -> None:
        while True:
            pass

    monkeypatch.setattr(mutations, "SECONDS", 1)
    assert outcome(b"", tmp_path, hangs).detail.splitlines()[-1].endswith("more than 1 s")
    assert outcome(b"", tmp_path, refuses) == Outcome("refused", "little.onnx: node a (Conv): it is grouped")
    assert outcome(b"", tmp_path, breaks).kind == "fault"
    assert outcome(b"", tmp_path, is_half).kind == "fault"
    assert outcome(b"", tmp_path, lambda *_: None).kind == "imported"
