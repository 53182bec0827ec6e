"""Paths as users give them, and files that are written whole."""

import os
from pathlib import Path

import pytest

from ecglib.files import user_path, write_whole


def test_a_path_is_absolute_and_its_home_put_in(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert user_path("~/ludb") == tmp_path / "home" / "ludb"
    assert user_path("records") == tmp_path / "records"
    assert user_path(Path("/data/a b")) == Path("/data/a b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("~nosuchuser/x", "the home folder in the path ~nosuchuser/x cannot be found"),
        ("", "an empty text is no path"),
        (" ", "an empty text is no path"),
        ("a\0b", r"'a\\x00b' is no path"),
    ],
)
def test_what_names_no_path_is_told(text, says):
    with pytest.raises(ValueError, match=says):
        user_path(text)


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
