"""Putting files and folders in place: all or nothing, and nobody else's is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.placing import (
    file_in_the_making,
    folder_in_the_making,
    place_for,
    remove_forgotten,
)

NAMES = ("a", "b")


def contents(folder: Path) -> dict[str, str]:
    return {
        each.relative_to(folder).as_posix(): each.read_text()
        for each in folder.rglob("*")
        if each.is_file()
    }


def fill(target: Path, word: str, names: tuple[str, ...] = NAMES) -> None:
    with folder_in_the_making(target, NAMES, "the results") as aside:
        for name in names:
            (aside / name).write_text(word)


def test_an_old_name_that_the_new_ones_lack_goes(tmp_path: Path) -> None:
    fill(tmp_path, "old")
    fill(tmp_path, "new", ("a",))
    assert contents(tmp_path) == {"a": "new"}


def test_what_comes_in_the_way_meanwhile_is_not_touched(tmp_path: Path, monkeypatch) -> None:
    fill(tmp_path, "old")
    rename = Path.rename

    def meet_somebody(source: Path, destination: Path) -> Path:
        if destination == tmp_path / "b":
            # Somebody made a folder of that name just now; a file cannot take its place.
            destination.mkdir()
            (destination / "theirs").write_text("theirs")
        return rename(source, destination)

    monkeypatch.setattr(Path, "rename", meet_somebody)
    with pytest.raises(OutputError) as caught:
        fill(tmp_path, "new")
    (stranded,) = tmp_path.glob(".zecoverage-*/replaced")
    assert str(stranded) in str(caught.value)
    assert (stranded / "b").read_text() == "old"
    assert (tmp_path / "a").read_text() == "old"
    assert (tmp_path / "b" / "theirs").read_text() == "theirs"


@pytest.mark.parametrize("is_new", [True, False])
def test_a_writer_that_knows_the_place_aside_only_is_told_of_the_target(tmp_path, is_new) -> None:
    target = tmp_path / "new" if is_new else tmp_path
    with (
        pytest.raises(OutputError, match="no room") as caught,
        folder_in_the_making(target, NAMES, "the results") as aside,
    ):
        try:
            raise OSError(errno.ENOSPC, "no room")
        except OSError as error:
            raise OutputError(aside / "a", "cannot be written") from error
    assert str(target) in str(caught.value)
    assert ".zecoverage-" not in str(caught.value)


def test_folders_made_on_the_way_go_when_one_cannot_be_made(tmp_path: Path, monkeypatch) -> None:
    mkdir = Path.mkdir

    def fail(folder: Path, *given, **more) -> None:
        if folder.name.startswith(".zecoverage-"):
            raise OSError(errno.ENOSPC, "no room")
        mkdir(folder, *given, **more)

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(OutputError, match="no room"):
        fill(tmp_path / "new" / "deep" / "r", "new")
    assert os.listdir(tmp_path) == []


def test_a_foreign_file_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    for number in (1, 2):
        target.write_text(f"theirs {number}")
        with file_in_the_making(target, is_foreign=lambda path: path == target) as unfinished:
            unfinished.write_text("ours")
    assert contents(tmp_path) == {
        "run.json": "ours",
        "run.json.kept-1": "theirs 1",
        "run.json.kept-2": "theirs 2",
    }


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no room"), KeyboardInterrupt()])
def test_a_foreign_file_goes_back(tmp_path: Path, monkeypatch, error: BaseException) -> None:
    target = tmp_path / "run.json"
    target.write_text("theirs")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, "replace", fail)
    with (
        pytest.raises(type(error)),
        file_in_the_making(target, is_foreign=lambda _: True) as unfinished,
    ):
        unfinished.write_text("ours")
    assert contents(tmp_path) == {"run.json": "theirs"}


def test_only_what_was_forgotten_is_removed(tmp_path: Path) -> None:
    names = [".zecoverage-1.tmp", ".zecoverage-2", "zecoverage-3.tmp", "notes.tmp"]
    for name in names:
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (0, 0))
    remove_forgotten(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(names[1:])
    remove_forgotten(tmp_path / "missing")


def test_a_place_that_cannot_be_used_is_told_beforehand(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="name one for the results"):
        place_for("", "the results")
    with pytest.raises(OutputError, match="file: is not a folder; name another one for the"):
        place_for(tmp_path / "file", "the results")
    with pytest.raises(OutputError, match="file is not a folder; name another"):
        place_for(tmp_path / "file" / "below", "the results")
    assert place_for(tmp_path / "new" / "deep", "the results") == tmp_path / "new" / "deep"
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(OutputError, match="may not be written to"):
        place_for(tmp_path / "new" / "deep", "the results")
