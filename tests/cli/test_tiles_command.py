"""``zecoverage tiles``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from shell import GIVEN, flag, names_in, one_line, run, write_run

import napari_zecoverage as zc
from napari_zecoverage.cli.console import StudyProgressBars
from napari_zecoverage.cli.endings import FAILED, INTERRUPTED, WRONG_USAGE
from napari_zecoverage.core.studied import StudyProgress
from napari_zecoverage.zemosaic import master_tile, tile_check
from napari_zecoverage.zemosaic.config import CONFIG_NAME
from napari_zecoverage.zemosaic.tile_check import check_master_tile

TILES = ["master_tile_000.fits", "master_tile_001.fits"]


@pytest.fixture
def a_run(sample: Path, tmp_path: Path) -> Path:
    """A run whose clusters are the first three frames, and all six."""
    frames = sorted(sample.glob("*.fit"))
    return write_run(tmp_path / "run", [frames[:3], frames], {"altaz_min_coverage_frac": 0.9})


def test_tiles_are_what_zemosaic_takes(a_run, tmp_path) -> None:
    out = tmp_path / "tiles"
    result = run("tiles", a_run, "--out", out, "--min-coverage-frac", 0.7)
    assert names_in(out) == TILES
    for number, cluster in enumerate(zc.find_clusters(a_run)):
        outcome = zc.apply_mask(zc.study_cluster(cluster), zc.MaskParameters(min_coverage_frac=0.7))
        with fits.open(out / TILES[number]) as hdus:
            assert hdus[0].header["ZMT_ID"] == number
            assert np.array_equal(hdus["ALPHA"].data > 127, outcome.opaque)
            assert "COVERAGE" in hdus
        assert check_master_tile(out / TILES[number]) == []
        assert f"written   {out / TILES[number]}" in result.stdout
        assert f"{outcome.threshold:.4g} frames of" in result.stdout
    told = one_line(result.stdout)
    assert told.count("gating Alt-Az cleanup: it depends. No file holds ZeMosaic's count") == 2
    assert "2 written" in told
    assert "needs at least 2 tiles" in told
    assert "problem" not in told


@pytest.mark.parametrize(
    ("choice", "names", "has_hdu"),
    [
        ("hdu", TILES[:1], True),
        ("sidecar", [TILES[0], "master_tile_000_coverage.fts"], False),
        ("none", TILES[:1], False),
    ],
)
def test_coverage_goes_where_it_is_wanted(sample, tmp_path, choice, names, has_hdu) -> None:
    out = tmp_path / "tiles"
    result = run("tiles", sample, "--out", out, "--coverage", choice)
    assert names_in(out) == sorted(names)
    with fits.open(out / TILES[0]) as hdus:
        assert ("COVERAGE" in hdus) == has_hdu
        shape = hdus[0].data.shape[1:]
    study = zc.study_cluster(zc.find_clusters(sample)[0])
    if choice == "sidecar":
        counts = fits.getdata(out / names[1])
        assert counts.shape == shape
        assert counts.max() == study.coverage.max()
        assert str(out / names[1]) in result.stdout
    # One tile alone is of no use, and that is said.
    assert "needs at least 2 tiles; there is 1." in result.stdout


def test_sidecar_of_an_earlier_tile_is_told_of(sample, tmp_path) -> None:
    out = tmp_path / "tiles"
    run("tiles", sample, "--out", out, "--coverage", "sidecar")
    told = run("tiles", sample, "--out", out, "--coverage", "none", "--force").stdout
    assert "master_tile_000_coverage.fts is of an earlier tile" in told


def test_tiles_keep_the_numbers_of_the_run(sample, tmp_path) -> None:
    frames = sorted(sample.glob("*.fit"))
    a_run = write_run(tmp_path / "run", [[tmp_path / "gone.fit"], frames])
    result = run("tiles", a_run, "--out", tmp_path / "tiles")
    assert names_in(tmp_path / "tiles") == TILES[1:]
    assert "gone.fit" in result.stdout


def test_tiles_of_folders_are_numbered(sample, tmp_path) -> None:
    for name in "ab":
        shutil.copytree(sample, tmp_path / "frames" / name)
    run("tiles", tmp_path / "frames", "--out", tmp_path / "tiles")
    assert names_in(tmp_path / "tiles") == TILES


def test_moved_frames_are_found_below_the_root(sample, tmp_path) -> None:
    frames = [Path("D:\\astro\\M 94") / each.name for each in sorted(sample.glob("*.fit"))]
    windows = [str(each).replace("/", "\\") for each in frames]
    a_run = write_run(tmp_path / "run", [windows])
    refused = run("tiles", a_run, "--out", tmp_path / "tiles", code=FAILED)
    assert refused.stderr.startswith("error: ")
    assert not (tmp_path / "tiles").exists()
    found = run("tiles", a_run, "--root", sample.parent, "--out", tmp_path / "tiles")
    assert "6 frames: 6 aligned" in found.stdout
    assert names_in(tmp_path / "tiles") == TILES[:1]


def test_tiles_take_every_threshold_and_a_config(sample, tmp_path) -> None:
    (tmp_path / CONFIG_NAME).write_text(json.dumps({"altaz_decay": 0.7}))
    given = {name: value for name, value in GIVEN.items() if name != "decay"}
    options = [word for name, value in given.items() for word in flag(name, value)]
    run("tiles", sample, "--out", tmp_path / "tiles", "--config", tmp_path, *options)
    header = fits.getheader(tmp_path / "tiles" / TILES[0])
    assert header["ZCDECAY"] == 0.7
    assert header["ZCMINABS"] == GIVEN["min_coverage_abs"]
    assert header["ZCMARGIN"] == GIVEN["margin_percent"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--stack", "none"], "a tile needs a stack"),
        (["--coverage", "elsewhere"], "--coverage"),
        (["--min-coverage-frac", 2], "--min-coverage-frac"),
    ],
)
def test_wrong_usage_is_refused_before_any_work(sample, tmp_path, arguments, told) -> None:
    refused = run("tiles", sample, "--out", tmp_path / "tiles", *arguments, code=WRONG_USAGE)
    assert told in refused.stderr
    assert names_in(tmp_path) == []


def test_tiles_are_replaced_only_with_force(sample, tmp_path) -> None:
    (tmp_path / "master_tile_000.fits").write_text("mine")
    (tmp_path / "master_tile_007.fits").write_text("mine, too")
    refused = run("tiles", sample, "--out", tmp_path, code=FAILED)
    assert "holds master tiles already" in refused.stderr
    assert "aligning" not in refused.stderr
    assert (tmp_path / "master_tile_000.fits").read_text() == "mine"
    told = run("tiles", sample, "--out", tmp_path, "--force").stdout
    assert check_master_tile(tmp_path / "master_tile_000.fits") == []
    assert (tmp_path / "master_tile_007.fits").read_text() == "mine, too"
    assert "Also in the folder: master_tile_007.fits" in told


def test_folder_of_the_home_is_looked_into(sample, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    out = tmp_path / "tiles"
    out.mkdir()
    (out / "master_tile_007.fits").write_text("mine")
    # Shells leave it as it is behind "--out=".
    told = run("tiles", sample, "--out", "~/tiles", "--force").stdout
    assert "Also in the folder: master_tile_007.fits" in told
    assert f"{out}\n" in told


@pytest.mark.parametrize("name", ["zemosaic_temp_master_tiles", "rejected", "trash"])
def test_folders_that_zemosaic_passes_over_are_refused(sample, tmp_path, name) -> None:
    refused = run("tiles", sample, "--out", tmp_path / name, code=FAILED)
    assert name in refused.stderr
    assert names_in(tmp_path) == []


def test_one_bad_cluster_does_not_end_the_others(sample, tmp_path, monkeypatch) -> None:
    frames = sorted(sample.glob("*.fit"))
    cut_off = tmp_path / "cut off.fit"
    cut_off.write_bytes(frames[0].read_bytes()[:2880])
    blind = tmp_path / "blind.fit"
    with fits.open(frames[0]) as hdus:
        for card in ("CTYPE1", "CTYPE2"):
            del hdus[0].header[card]
        hdus.writeto(blind)
    write = master_tile.write_master_tile

    def fail_for_0(path: Path, *arguments: Any, **options: Any) -> Path:
        if options["tile_id"] == 0:
            raise zc.OutputError(path, "the disk is [full]")
        return write(path, *arguments, **options)

    monkeypatch.setattr(master_tile, "write_master_tile", fail_for_0)
    a_run = write_run(tmp_path / "run", [frames[:3], [blind], frames, [cut_off]])
    result = run("tiles", a_run, "--out", tmp_path / "tiles", code=FAILED)
    assert names_in(tmp_path / "tiles") == ["master_tile_002.fits"]
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    place = tmp_path / "tiles" / TILES[0]
    assert errors[0] == f"error: master_tile_000: {place}: the disk is [full]"
    assert errors[1].startswith("error: master_tile_001: none of its frames has a WCS")
    assert "1 written" in result.stdout
    # The cluster without any frame is told of, too.
    assert "cut off.fit" in result.stderr


def test_nothing_is_done_where_there_is_no_coverage(sample, tmp_path) -> None:
    folder = tmp_path / "grid"
    shutil.copytree(sample, folder)
    rows = [f"{each.name},10,n1,ALTAZ" for each in sorted(folder.glob("*.fit"))]
    (folder / "stack_plan.csv").write_text(
        "\n".join(["file_path,exposure,batch_id,mount", *rows]), encoding="utf-8"
    )
    result = run("tiles", folder, "--out", tmp_path / "tiles", code=FAILED)
    assert "GRID mode" in result.stderr
    assert "aligning" not in result.stderr
    assert not (tmp_path / "tiles").exists()


def test_problems_of_a_tile_are_told(sample, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tile_check, "check_master_tile", lambda path: ["It is [odd]."])
    result = run("tiles", sample, "--out", tmp_path / "tiles", code=FAILED)
    assert "problem   It is [odd]." in result.stdout
    assert f"{TILES[0]}: It is [odd].\n" in result.stderr
    assert names_in(tmp_path / "tiles") == TILES[:1]


@pytest.mark.parametrize("stage", ["register", "stack"])
def test_ctrl_c_keeps_only_whole_tiles(a_run, tmp_path, monkeypatch, stage) -> None:
    clusters = []

    def interrupt(_: StudyProgressBars, progress: StudyProgress) -> None:
        if progress.stage == stage and progress.done == progress.total:
            clusters.append(stage)
            if len(clusters) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(StudyProgressBars, "__call__", interrupt)
    result = run("tiles", a_run, "--no-cache", "--out", tmp_path / "tiles", code=INTERRUPTED)
    assert "stopped; nothing is left half written" in result.stderr
    assert names_in(tmp_path / "tiles") == TILES[:1]
    assert check_master_tile(tmp_path / "tiles" / TILES[0]) == []


def test_ctrl_c_while_a_tile_is_written(sample, tmp_path, monkeypatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fits.HDUList, "writeto", interrupt)
    run("tiles", sample, "--out", tmp_path / "tiles", code=INTERRUPTED)
    assert names_in(tmp_path / "tiles") == []
