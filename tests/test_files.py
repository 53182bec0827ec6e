"""Files are written whole or not at all."""

import os

import pytest

from ecglib.files import write_whole


def test_a_file_is_replaced_whole_and_readable(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old, and longer than what follows")
    write_whole(path, "µV\n")
    assert path.read_text(encoding="utf-8") == "µV\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path], "nothing temporary is left"


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("text", "replace", "error"),
    [("half\udc80", os.replace, UnicodeEncodeError), ("new", interrupted, KeyboardInterrupt)],
)
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, text, replace, error):
    path = tmp_path / "a.json"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(error):
        write_whole(path, text)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
