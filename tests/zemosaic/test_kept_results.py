"""What a run kept and would use again: found, told, and removed exactly."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.zemosaic import kept_results
from napari_zecoverage.zemosaic.kept_results import (
    KeptItem,
    KeptResultsError,
    clear_kept_results,
    find_kept_results,
)
from napari_zecoverage.zemosaic.run_names import SNAPSHOT_NAME, STATE_FOLDER, TILES_FOLDER


def put(path: Path, content: str | bytes = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's output folder, with what ZeMosaic keeps and what is none of our business."""
    folder = tmp_path / "run"
    put(folder / SNAPSHOT_NAME, json.dumps({"resume": "auto", "altaz_decay": 0.15}, indent=2))
    put(folder / TILES_FOLDER / "master_tile_000.fits", "a" * 2_000_000)
    put(folder / TILES_FOLDER / "master_tile_1000.fits", "b" * 500)
    put(folder / TILES_FOLDER / "mine.txt")
    put(folder / TILES_FOLDER / "rejected_by_quality" / "master_tile_002.fits")
    put(folder / STATE_FOLDER / "stack_plan_manifest.json", "{}")
    put(folder / STATE_FOLDER / "master_tiles_manifest.json", "{}")
    put(folder / STATE_FOLDER / "phase5_checkpoint.json", "c" * 10)
    put(folder / STATE_FOLDER / "phase5_data" / "deep" / "mosaic.npy", "d" * 30)
    put(folder / STATE_FOLDER / "phase3.json")
    put(folder / "phase5_mine.txt")
    put(folder / "final_mosaic.fits")
    return folder


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


REMOVED = {
    f"{TILES_FOLDER}/master_tile_000.fits",
    f"{TILES_FOLDER}/master_tile_1000.fits",
    f"{STATE_FOLDER}/phase5_checkpoint.json",
    f"{STATE_FOLDER}/phase5_data",
    f"{STATE_FOLDER}/phase5_data/deep",
    f"{STATE_FOLDER}/phase5_data/deep/mosaic.npy",
}


def test_kept_results_are_found_and_told(run: Path) -> None:
    kept = find_kept_results(str(run))
    assert kept.folder == run
    assert kept.is_run_folder
    assert kept.resume == "auto"
    assert kept.links == ()
    assert kept.items == (
        KeptItem(run / TILES_FOLDER / "master_tile_000.fits", "tile", False, 2_000_000),
        KeptItem(run / TILES_FOLDER / "master_tile_1000.fits", "tile", False, 500),
        KeptItem(run / STATE_FOLDER / "phase5_checkpoint.json", "checkpoint", False, 10),
        KeptItem(run / STATE_FOLDER / "phase5_data", "checkpoint", True, 30),
    )
    assert (len(kept.tiles), len(kept.checkpoints), kept.size_bytes) == (2, 2, 2_000_540)
    assert kept.hides_change
    text = "\n".join(kept.lines())
    assert f"2 kept master tiles (2.0 MB) in {TILES_FOLDER}." in text
    assert f"2 kept checkpoints (40 bytes) in {STATE_FOLDER}/phase5_*." in text
    assert 'had resume "auto"' in text
    assert "Clear them first" in text


def test_exactly_these_are_removed(run: Path) -> None:
    before = tree(run)
    cleared = clear_kept_results(find_kept_results(run))
    assert tree(run) == before - REMOVED
    assert cleared.freed_bytes == 2_000_540
    assert len(cleared.removed) == 4
    assert cleared.left == ()
    assert cleared.lines() == ["Removed 4 kept results (2.0 MB)."]
    again = find_kept_results(run)
    assert again.items == ()
    assert not again.hides_change
    assert "keeps nothing" in again.lines()[0]
    assert clear_kept_results(again).removed == ()


def test_a_tiles_folder_that_is_empty_then_goes_too(run: Path) -> None:
    (run / TILES_FOLDER / "mine.txt").unlink()
    shutil.rmtree(run / TILES_FOLDER / "rejected_by_quality")
    clear_kept_results(find_kept_results(run))
    assert not (run / TILES_FOLDER).exists()
    assert (run / STATE_FOLDER).exists()


@pytest.mark.parametrize(
    ("snapshot", "resume", "hides"),
    [
        ('{"resume": "OFF "}', "off", False),
        ('{"resume": "force"}', "force", True),
        ('{"resume": 3}', None, True),
        ("{}", None, True),
        ("[]", None, True),
        ("{", None, True),
        (b"\xff", None, True),
        ("[" * 100_000, None, True),
        ("", None, True),
        (None, None, True),
    ],
)
def test_the_resume_setting_is_read_or_not_known(
    run: Path, snapshot: str | bytes | None, resume: str | None, hides: bool
) -> None:
    (run / SNAPSHOT_NAME).unlink()
    if snapshot is not None:
        put(run / SNAPSHOT_NAME, snapshot)
    kept = find_kept_results(run)
    assert (kept.resume, kept.hides_change) == (resume, hides)
    assert ("is not known" in "\n".join(kept.lines())) == (resume is None)
    assert ("with it, the next run removes them" in "\n".join(kept.lines())) == (not hides)


def test_a_snapshot_beyond_all_bounds_is_not_read(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_results, "_MAX_SNAPSHOT_BYTES", 10)
    assert find_kept_results(run).resume is None


def test_a_folder_that_is_no_run_is_left_alone(tmp_path: Path) -> None:
    tile = put(tmp_path / TILES_FOLDER / "master_tile_000.fits")
    kept = find_kept_results(tmp_path)
    assert not kept.is_run_folder
    assert [item.path for item in kept.items] == [tile]
    with pytest.raises(KeptResultsError, match="Nothing was removed"):
        clear_kept_results(kept)
    with pytest.raises(KeptResultsError, match="Nothing was removed"):
        clear_kept_results(replace(kept, is_run_folder=True))
    assert tile.exists()


@pytest.mark.parametrize(
    "mark",
    [
        SNAPSHOT_NAME,
        f"{STATE_FOLDER}/stack_plan_manifest.json",
        f"{STATE_FOLDER}/master_tiles_manifest.json",
        "zemosaic_worker.log",
    ],
)
def test_each_mark_of_a_run_is_enough_and_a_link_to_one_is_not(tmp_path: Path, mark: str) -> None:
    put(tmp_path / "run" / mark)
    assert find_kept_results(tmp_path / "run").is_run_folder
    (tmp_path / "run" / mark).unlink()
    (tmp_path / "run" / mark).symlink_to(put(tmp_path / "other"))
    assert not find_kept_results(tmp_path / "run").is_run_folder


def test_what_is_no_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "none", put(tmp_path / "file")):
        with pytest.raises(KeptResultsError, match="there is no such folder"):
            find_kept_results(path)
    with pytest.raises(KeptResultsError):
        find_kept_results("a\0b")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "run" / TILES_FOLDER).mkdir(parents=True)
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(KeptResultsError, match="cannot be read: Permission denied"):
        find_kept_results(tmp_path / "run")


# --- links -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [TILES_FOLDER, STATE_FOLDER])
def test_a_folder_that_is_a_link_is_neither_looked_into_nor_removed(
    tmp_path: Path, run: Path, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (run / name).rename(elsewhere)
    (run / name).symlink_to(elsewhere)
    before = tree(elsewhere)
    kept = find_kept_results(run)
    assert kept.links == (run / name,)
    assert all(item.path.parent.name != name for item in kept.items)
    assert kept.hides_change
    assert "leads elsewhere and is not touched" in "\n".join(kept.lines())
    cleared = clear_kept_results(kept)
    assert cleared.left == ((run / name, "it leads elsewhere"),)
    assert tree(elsewhere) == before
    assert (run / name).is_symlink()


def test_links_among_the_results_are_left_and_not_followed(tmp_path: Path, run: Path) -> None:
    other = put(tmp_path / "elsewhere" / "precious", "p")
    tile = run / TILES_FOLDER / "master_tile_005.fits"
    checkpoint = run / STATE_FOLDER / "phase5_link"
    inside = run / STATE_FOLDER / "phase5_data" / "link"
    tile.symlink_to(other)
    checkpoint.symlink_to(other.parent)
    inside.symlink_to(other.parent)
    # Of another name: none of our business.
    (run / TILES_FOLDER / "mine.fits").symlink_to(other)
    (run / STATE_FOLDER / "phase3_link").symlink_to(other)
    kept = find_kept_results(run)
    assert set(kept.links) == {tile, checkpoint}
    assert kept.size_bytes < 2_000_540 + 10_000
    cleared = clear_kept_results(kept)
    assert [path for path, _ in cleared.left] == [tile, checkpoint]
    assert tile.is_symlink()
    assert checkpoint.is_symlink()
    assert not inside.is_symlink()
    assert other.read_text() == "p"


def test_a_run_folder_named_by_a_link_is_the_folder_itself(tmp_path: Path, run: Path) -> None:
    (tmp_path / "link").symlink_to(run)
    kept = find_kept_results(tmp_path / "link")
    assert kept.folder == run
    assert len(clear_kept_results(kept).removed) == 4


# --- changed since it was found --------------------------------------------------------


def test_what_is_not_what_was_found_is_left(tmp_path: Path, run: Path) -> None:
    kept = find_kept_results(run)
    other = put(tmp_path / "precious", "p")
    first, second, checkpoint, folder = (item.path for item in kept.items)
    put(first, "made anew")
    second.unlink()
    second.symlink_to(other)
    checkpoint.unlink()
    shutil.rmtree(folder)
    put(folder, "a file now")
    late = put(run / TILES_FOLDER / "master_tile_009.fits")
    cleared = clear_kept_results(kept)
    assert cleared.removed == ()
    assert [path for path, _ in cleared.left] == [first, second, folder]
    assert "is left: it is something else now." in cleared.lines()[1]
    assert first.exists()
    assert late.exists()
    assert other.exists()


@pytest.mark.parametrize("change", ["another file", "a longer file", "a file less"])
def test_a_checkpoint_folder_that_changed_is_left(run: Path, change: str) -> None:
    kept = find_kept_results(run)
    folder = run / STATE_FOLDER / "phase5_data"
    mosaic = folder / "deep" / "mosaic.npy"
    if change == "another file":
        put(folder / "late.npy")
    elif change == "a longer file":
        put(mosaic, "d" * 31)
    else:
        mosaic.unlink()
    before = tree(folder)
    cleared = clear_kept_results(kept)
    assert cleared.left == ((folder, "it is something else now"),)
    assert tree(folder) == before
    assert len(cleared.removed) == 3
    assert cleared.freed_bytes == kept.size_bytes - 30


def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path, run: Path) -> None:
    kept = find_kept_results(run)
    for name in (TILES_FOLDER, STATE_FOLDER):
        (run / name).rename(tmp_path / name)
        (run / name).symlink_to(tmp_path / name)
    before = tree(tmp_path / TILES_FOLDER) | tree(tmp_path / STATE_FOLDER)
    cleared = clear_kept_results(kept)
    assert cleared.removed == ()
    assert {reason for _, reason in cleared.left} == {"its folder leads elsewhere now"}
    assert tree(tmp_path / TILES_FOLDER) | tree(tmp_path / STATE_FOLDER) == before


def test_no_other_file_can_be_named(tmp_path: Path, run: Path) -> None:
    other = put(tmp_path / "precious", "p")
    kept = find_kept_results(run)
    forged = replace(
        kept,
        items=(
            KeptItem(other, "tile", False, 1),
            KeptItem(run / TILES_FOLDER / "mine.txt", "tile", False, 1),
            KeptItem(run / TILES_FOLDER / ".." / "final_mosaic.fits", "tile", False, 1),
            KeptItem(run / STATE_FOLDER / "stack_plan_manifest.json", "checkpoint", False, 2),
            KeptItem(run / STATE_FOLDER, "checkpoint", True, 2),
            KeptItem(run / STATE_FOLDER / "phase5_x" / "..", "checkpoint", True, 2),
        ),
    )
    before = tree(tmp_path)
    cleared = clear_kept_results(forged)
    assert cleared.removed == ()
    assert len(cleared.left) == 6
    assert tree(tmp_path) == before


def test_what_cannot_be_removed_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    kept = find_kept_results(run)
    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(shutil, "rmtree", refuse)
    cleared = clear_kept_results(kept)
    assert cleared.removed == ()
    assert [reason for _, reason in cleared.left] == ["Permission denied"] * 4


names = st.sampled_from(
    ["master_tile_000.fits", "master_tile_.fits", "phase5_a", "phase5_", "x", "MASTER_TILE_1.FITS"]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", TILES_FOLDER, STATE_FOLDER, f"{STATE_FOLDER}/phase5_d", "other"]),
            names,
            st.sampled_from(["file", "folder", "link"]),
        ),
        max_size=8,
    )
)
def test_whatever_stands_there_nothing_else_goes(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, str, str]]
) -> None:
    top = tmp_path_factory.mktemp("any")
    run = top / "run"
    put(run / SNAPSHOT_NAME, "{}")
    put(top / "precious" / "master_tile_000.fits", "p")
    for place, name, kind in entries:
        path = run / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            continue
        if kind == "file":
            put(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to(top / "precious")
    before = tree(top)
    gone = before - (clear_kept_results(find_kept_results(run)) and tree(top))
    for name in gone:
        in_tiles = name == f"run/{TILES_FOLDER}" or name.startswith(
            f"run/{TILES_FOLDER}/master_tile_0"
        )
        assert in_tiles or name.startswith(f"run/{STATE_FOLDER}/phase5_")
    assert (top / "precious" / "master_tile_000.fits").exists()
