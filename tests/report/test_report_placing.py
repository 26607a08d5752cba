"""A report's folder: all or nothing, and nobody else's files are lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from napari_zecoverage.core.errors import InTheWayError, OutputError
from napari_zecoverage.report.placing import (
    MADE_BY,
    PICTURES_NAME,
    REPORT_NAMES,
    check_report_folder,
    folder_in_the_making,
)


def fill(folder: Path, word: str) -> None:
    for name in REPORT_NAMES[:3]:
        (folder / name).write_text(f"{MADE_BY} {word}")
    (folder / PICTURES_NAME / f"001-{word}.png").write_bytes(b"png")


def write(target: Path, word: str, *, force: bool = False) -> None:
    with folder_in_the_making(target, force=force) as folder:
        fill(folder, word)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_new_folder_comes_as_a_whole(tmp_path) -> None:
    target = tmp_path / "a" / "b"
    with folder_in_the_making(target) as folder:
        fill(folder, "new")
        assert not target.exists()
    assert sorted(contents(target)) == [f"{PICTURES_NAME}/001-new.png", *sorted(REPORT_NAMES[:3])]
    assert os.listdir(tmp_path / "a") == ["b"]


def test_an_older_report_is_replaced_and_the_rest_is_left(tmp_path) -> None:
    write(tmp_path, "old")
    (tmp_path / "mine.txt").write_text("mine")
    write(tmp_path, "new")
    found = contents(tmp_path)
    assert found["report.html"] == f"{MADE_BY} new".encode()
    assert f"{PICTURES_NAME}/001-old.png" not in found
    assert found["mine.txt"] == b"mine"
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def make_foreign(folder: Path, name: str) -> Path:
    path = folder / name
    if name == PICTURES_NAME:
        path.mkdir()
        path = path / "holiday.jpg"
    path.write_text("somebody's")
    return path


@pytest.mark.parametrize("name", REPORT_NAMES)
def test_what_is_not_ours_is_refused(tmp_path, name: str) -> None:
    path = make_foreign(tmp_path, name)
    with pytest.raises(OutputError, match=name.replace(".", r"\.")):
        check_report_folder(tmp_path)
    with pytest.raises(InTheWayError, match="Name another folder, or keep what is there"):
        write(tmp_path, "new")
    assert list(contents(tmp_path).values()) == [b"somebody's"]
    assert path.exists()


@pytest.mark.parametrize("name", REPORT_NAMES)
def test_what_is_not_ours_is_kept_when_forced(tmp_path, name: str) -> None:
    for number in (1, 2):
        make_foreign(tmp_path, name)
        write(tmp_path, "new", force=True)
        kept = tmp_path / f"{name}.kept-{number}"
        assert kept.exists()
        inside = next(kept.iterdir()) if kept.is_dir() else kept
        assert inside.read_text() == "somebody's"
        assert MADE_BY in (tmp_path / "report.html").read_text()
        path = tmp_path / name
        # Ours goes, so that something foreign can be put there once more.
        if path.is_dir():
            for each in path.iterdir():
                each.unlink()
            path.rmdir()
        else:
            path.unlink()


def test_a_link_is_never_taken_for_ours(tmp_path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    fill_target = elsewhere / "report.html"
    fill_target.write_text(MADE_BY)
    target = tmp_path / "out"
    target.mkdir()
    (target / "report.html").symlink_to(fill_target)
    with pytest.raises(OutputError, match=r"report\.html"):
        check_report_folder(target)


class StopError(Exception):
    pass


@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt])
def test_nothing_is_left_of_what_was_not_finished(tmp_path, error) -> None:
    write(tmp_path / "there", "old")
    before = contents(tmp_path)
    for target in (tmp_path / "there", tmp_path / "new" / "deep"):
        with pytest.raises(error), folder_in_the_making(target) as folder:
            fill(folder, "half")
            raise error
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == ["there"]


@pytest.mark.parametrize("fails_at", range(1, 9))
def test_everything_is_put_back_when_a_move_fails(tmp_path, monkeypatch, fails_at: int) -> None:
    write(tmp_path, "old")
    before = contents(tmp_path)
    real, calls = Path.rename, []

    def rename(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == fails_at:
            raise OSError(errno.ENOSPC, "no space left")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OutputError, match="no space left"):
        write(tmp_path, "new")
    assert contents(tmp_path) == before


def test_a_full_disk_is_said_in_words(tmp_path) -> None:
    target = tmp_path / "out"
    words = r"no room.*Nothing was changed"
    with pytest.raises(OutputError, match=words), folder_in_the_making(target):
        raise OSError(errno.ENOSPC, "no room")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("folder", ["", "file", "file/below"])
def test_what_is_no_folder_is_refused(tmp_path, folder: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"name (another|one)"):
        check_report_folder(folder and tmp_path / folder)
