import pytest

from codegen.text.files import write_changed


def test_files_keep_their_time_while_their_text_stays(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    assert write_changed(path, "one")
    stamp = path.stat().st_mtime_ns
    assert not write_changed(path, b"one")
    assert path.stat().st_mtime_ns == stamp
    assert write_changed(path, "two")
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_text("one")
    monkeypatch.setattr("codegen.text.files.os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_changed(path, "two")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("file.txt", "one")]
