import json

import pytest

from codegen import sources
from codegen.build_state import search_cache


def test_what_was_saved_comes_back(tmp_path):
    path = tmp_path / "build" / "search_cache.json"
    assert search_cache.load(path, "v1") == {}
    search_cache.save(path, {"a": [0, 1], "b": []}, "v1")
    assert search_cache.load(path, "v1") == {"a": [0, 1], "b": []}


def test_entries_of_other_sources_are_ignored(tmp_path):
    """A formula of the folding search was changed: what it would choose now is not known."""
    path = tmp_path / "search_cache.json"
    search_cache.save(path, {"a": [0, 1]}, "v1")
    assert search_cache.load(path, "v2") == {}
    search_cache.save(path, {"b": [2]}, "v2")
    assert search_cache.load(path, "v1") == {}
    assert search_cache.load(path, "v2") == {"b": [2]}


@pytest.mark.parametrize("module", ["units/window.py", "cost/formulas.py", "choose/folding.py", "choose/floorplan.py", "layout/chain.py"])
def test_the_digest_of_planning_covers_what_planning_computes_with(module):
    assert sources.ROOT / "dataflow" / module in sources.closure("dataflow.plan")


@pytest.mark.parametrize("entries", ["3", "[1]", '{"a": 1}', '{"a": [1, "b"]}', '{"a": [true]}'])
def test_damaged_entries_are_ignored(tmp_path, entries):
    path = tmp_path / "search_cache.json"
    path.write_text(f'{{"sources": "v1", "entries": {entries}}}')
    assert search_cache.load(path, "v1") == {}


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "{}", json.dumps({"sources": "v1"}), json.dumps({"a": [1]}), "\x00"])
def test_a_damaged_file_is_ignored(tmp_path, text):
    path = tmp_path / "search_cache.json"
    path.write_text(text)
    assert search_cache.load(path, "v1") == {}
