"""``zecoverage mask``."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from shell import GIVEN, RESULTS, flag, names_in, one_line, read_json, run, write_run

import napari_zecoverage as zc
from napari_zecoverage.cli.endings import FAILED, WRONG_USAGE
from napari_zecoverage.cli.mask import result_folders, safe_name
from napari_zecoverage.zemosaic.config import CONFIG_NAME


def test_mask_writes_what_apply_mask_finds(sample, tmp_path) -> None:
    out = tmp_path / "out"
    arguments = ["--min-coverage-frac", 0.7, "--stack", "median"]
    result = run("mask", *sorted(sample.glob("*.fit")), *arguments, "--out", out)
    assert names_in(out) == RESULTS

    study = zc.study_cluster(zc.find_clusters(sample)[0], zc.StudyOptions(stack="median"))
    outcome = zc.apply_mask(study, zc.MaskParameters(min_coverage_frac=0.7))
    assert study.frames_aligned == 6
    assert np.array_equal(fits.getdata(out / "coverage.fits"), study.coverage)
    assert np.array_equal(fits.getdata(out / "alpha.fits"), outcome.alpha)
    assert cv2.imread(str(out / "preview.png")) is not None
    summary = read_json(out / "summary.json")
    assert summary["outcome"]["threshold_frames"] == outcome.threshold
    assert summary["study"]["options"]["stack"] == "median"
    assert summary["study"]["frames_aligned"] == 6

    told = one_line(result.stdout)
    assert study.summary in told
    assert f"{outcome.threshold:.4g} frames of 6" in told
    assert str(out) in told


def test_mask_puts_the_wcs_where_the_stars_are(sample, tmp_path) -> None:
    """The canvas is larger than a frame; each star has the sky position that its frame says."""
    run("mask", sample, "--canvas", "padded", "--stack", "none", "--out", tmp_path / "out")
    summary = read_json(tmp_path / "out" / "summary.json")
    y, x = summary["study"]["canvas"]["offset"]
    assert (y, x) == ((400 - 240) // 2, (400 - 320) // 2)
    reference = fits.getheader(summary["cluster"]["reference"])
    for name in ("coverage.fits", "alpha.fits"):
        canvas_wcs = WCS(fits.getheader(tmp_path / "out" / name), fix=False)
        for place in ((0, 0), (319, 0), (100.5, 200.25)):
            on_canvas = canvas_wcs.pixel_to_world_values(place[0] + x, place[1] + y)
            in_frame = WCS(reference, fix=False).pixel_to_world_values(*place)
            assert np.allclose(on_canvas, in_frame, rtol=0, atol=1e-10)


def test_mask_takes_every_threshold(sample, tmp_path) -> None:
    options = [word for name, value in GIVEN.items() for word in flag(name, value)]
    run("mask", sample, *options, "--out", tmp_path / "out")
    assert read_json(tmp_path / "out" / "summary.json")["parameters"] == GIVEN


def test_mask_takes_thresholds_from_a_config_below_its_options(sample, tmp_path) -> None:
    config = tmp_path / CONFIG_NAME
    config.write_text(
        json.dumps({"altaz_min_coverage_frac": 0.4, "altaz_decay": 0.3, "altaz_morph_open_px": "x"})
    )
    arguments = ["--config", tmp_path, "--decay", 0.9]
    result = run("mask", sample, *arguments, "--out", tmp_path / "out")
    found = read_json(tmp_path / "out" / "summary.json")
    assert found["parameters"]["min_coverage_frac"] == 0.4
    assert found["parameters"]["decay"] == 0.9
    assert found["parameters"]["morph_open_px"] == 3
    assert "'x' is not a number; the default 3 is used" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--min-coverage-frac", "1.5"], "--min-coverage-frac"),
        (["--decay", "nan"], "--decay"),
        (["--morph-open-px", "1.5"], "--morph-open-px"),
        (["--margin-percent", "wide"], "--margin-percent"),
        (["--strict-overlap-crop-min-size-px", "3"], "--strict-overlap-crop-min-size-px"),
        (["--stack", "pile"], "none, mean, median, kappa_sigma, winsorized"),
        (["--kappa", "0"], "--kappa"),
        (["--workers", "-1"], "--workers"),
        (["--min-coverage", "3"], "--min-coverage"),
    ],
)
def test_mask_refuses_wrong_settings_before_any_work(sample, tmp_path, arguments, told) -> None:
    result = run("mask", sample, *arguments, "--out", tmp_path / "out", code=WRONG_USAGE)
    assert told in result.stderr
    assert names_in(tmp_path) == []


def test_mask_without_frames_or_folder_is_wrong_usage(sample) -> None:
    run("mask", "--out", "x", code=WRONG_USAGE)
    run("mask", sample, code=WRONG_USAGE)


def test_mask_of_several_clusters(sample, tmp_path) -> None:
    top = tmp_path / "run"
    for name in ("b [red]", "a"):
        shutil.copytree(sample, top / name)
    run("mask", top, "--stack", "none", "--out", tmp_path / "out")
    assert names_in(tmp_path / "out") == ["a", "b_red"]
    assert names_in(tmp_path / "out" / "a") == names_in(tmp_path / "out" / "b_red") == RESULTS
    assert read_json(tmp_path / "out" / "b_red" / "summary.json")["cluster"]["name"] == "b [red]"


def test_mask_of_a_run_whose_frames_were_moved(sample, tmp_path) -> None:
    frames = sorted(sample.glob("*.fit"))
    moved = [tmp_path / "moved" / each.name for each in frames]
    a_run = write_run(tmp_path / "run", [moved[:3], [*moved[3:], moved[0].with_name("gone.fit")]])
    arguments = ["mask", a_run, "--stack", "none", "--out", tmp_path / "out"]
    assert "error: folder: " in run(*arguments, code=FAILED).stderr
    assert not (tmp_path / "out").exists()
    told = run(*arguments, "--root", sample).stdout
    assert names_in(tmp_path / "out") == ["master_tile_000", "master_tile_001"]
    for name, count in (("master_tile_000", 3), ("master_tile_001", 3)):
        summary = read_json(tmp_path / "out" / name / "summary.json")
        assert len(summary["cluster"]["frames"]) == count
    missing = next(line for line in told.splitlines() if line.startswith("missing"))
    assert "gone.fit" in missing


def test_one_bad_cluster_does_not_end_the_others(sample, tmp_path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    # Readable headers, so that only the study finds out.
    for frame in sorted(sample.glob("*.fit"))[:3]:
        (bad / frame.name).write_bytes(frame.read_bytes()[:2880])
    empty = tmp_path / "empty"
    empty.mkdir()
    places = [tmp_path / "missing.fit", bad, empty, sample]
    result = run("mask", *places, "--out", tmp_path / "out", code=FAILED)
    assert names_in(tmp_path / "out") == RESULTS
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 3
    for line, place in zip(errors, ("files", "folder", "folder"), strict=True):
        assert line.startswith(f"error: {place}: ")
    assert "missing.fit" in result.stderr
    assert str(empty) in errors[2]


def test_failed_study_is_one_line_and_the_others_go_on(sample, tmp_path, monkeypatch) -> None:
    top = tmp_path / "run"
    for name in ("a", "b", "c"):
        shutil.copytree(sample, top / name)
    write = zc.write_results

    def fail_for_b(folder: Path, *arguments: Any, **options: Any) -> Any:
        if Path(folder).name == "b":
            raise zc.OutputError(folder, "the disk is [full]")
        return write(folder, *arguments, **options)

    monkeypatch.setattr("napari_zecoverage.outputs.write_results", fail_for_b)
    result = run("mask", top, "--stack", "none", "--out", tmp_path / "out", code=FAILED)
    assert names_in(tmp_path / "out") == ["a", "c"]
    assert f"error: b: {tmp_path / 'out' / 'b'}: the disk is [full]\n" in result.stderr


def test_mask_tells_what_was_left_out(sample, tmp_path) -> None:
    night = tmp_path / "night"
    shutil.copytree(sample, night)
    (night / "text [1].fit").write_text("not a frame")
    blank = sorted(night.glob("sample*.fit"))[-1]
    with fits.open(blank, mode="update") as hdus:
        hdus[0].data[:] = 1000
    result = run("mask", night, "--stack", "none", "--out", tmp_path / "out")
    summary = read_json(tmp_path / "out" / "summary.json")
    assert [Path(each["path"]).name for each in summary["cluster"]["left_out"]] == ["text [1].fit"]
    failed = [each for each in summary["cluster"]["frames"] if not each["used"]]
    assert [Path(each["path"]).name for each in failed] == [blank.name]
    assert failed[0]["reason"]
    assert "text [1].fit" in result.stdout
    assert f"{blank.name}: {failed[0]['reason']}" in result.stdout


def test_results_are_replaced_only_with_force(sample, tmp_path) -> None:
    (tmp_path / "alpha.fits").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    result = run("mask", sample, "--out", tmp_path, code=FAILED)
    assert "--force" in result.stderr
    # Refused before the study, which takes long.
    assert "counting coverage" not in result.stderr
    assert names_in(tmp_path) == ["alpha.fits", "notes.txt"]
    assert (tmp_path / "alpha.fits").read_text() == "mine"
    run("mask", sample, "--out", tmp_path, "--force")
    assert fits.getdata(tmp_path / "alpha.fits").ndim == 2
    # What was not ours is kept beside it; what is ours is replaced.
    assert (tmp_path / "alpha.fits.kept-1").read_text() == "mine"
    assert "--force" in run("mask", sample, "--out", tmp_path, code=FAILED).stderr
    run("mask", sample, "--out", tmp_path, "--force")
    assert names_in(tmp_path) == sorted([*RESULTS, "alpha.fits.kept-1", "notes.txt"])


def test_no_cache_keeps_nothing(sample, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path / "cache"))
    arguments = ["mask", sample, "--stack", "none"]
    first = run(*arguments, "--no-cache", "--out", tmp_path / "a")
    assert "aligning frames 6/6" in first.stderr
    assert not (tmp_path / "cache").exists()
    run(*arguments, "--out", tmp_path / "b")
    again = run(*arguments, "--out", tmp_path / "c")
    assert "opening the studied cluster" in again.stderr
    assert "aligning frames" not in again.stderr


def test_cached_study_has_the_name_of_today(sample, tmp_path) -> None:
    frames = sorted(sample.glob("*.fit"))
    run("mask", sample, "--stack", "none", "--out", tmp_path / "a")
    run("mask", frames[0], *frames[1:], "--stack", "none", "--out", tmp_path / "b")
    names = [read_json(tmp_path / each / "summary.json")["cluster"]["name"] for each in "ab"]
    assert names == ["night", "night"]


@given(st.text(max_size=200))
def test_safe_name_is_a_folder_name_everywhere(name: str) -> None:
    safe = safe_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,80}", safe)
    assert not safe.endswith(".")
    assert safe.partition(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@pytest.mark.parametrize(
    ("name", "safe"),
    [("night 1/Ha", "night_1_Ha"), ("..", "cluster"), ("", "cluster"), ("CON.fit", "_CON.fit")],
)
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_folders_of_clusters_are_told_apart(tmp_path) -> None:
    names = ["a", "A", "a ", "b"]
    clusters = [zc.Cluster(name, ()) for name in names]
    folders = result_folders(tmp_path, clusters)
    assert [each.name for each in folders] == ["a", "A-2", "a-3", "b"]
    assert result_folders(tmp_path, clusters[:1]) == [tmp_path]
