import pytest

from codegen import answers


def test_what_was_saved_comes_back(tmp_path):
    path = tmp_path / "build" / "answers.json"
    assert answers.load(path) == {}
    answers.save(path, {"a": [0, 1], "b": []})
    assert answers.load(path) == {"a": [0, 1], "b": []}


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", '{"a": 1}', '{"a": [1, "b"]}', '{"a": [true]}', "\x00"])
def test_damaged_answers_are_no_answers(tmp_path, text):
    path = tmp_path / "answers.json"
    path.write_text(text)
    assert answers.load(path) == {}
