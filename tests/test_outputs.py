"""Results on disk: right to the last bit, all of them or none."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import studies
from napari_zecoverage import outputs
from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.outputs import (
    COVERAGE_NAME,
    PREVIEW_NAME,
    RESULT_NAMES,
    SUMMARY_NAME,
    check_target,
    summary_of,
    write_alpha,
    write_coverage,
    write_results,
)

SHAPE = (300, 400)
PARAMETERS = MaskParameters(min_coverage_frac=0.6, margin_percent=4, decay=0.3, nanize=False)


def make_wcs_header() -> str:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = 192.7, 41.1
    header["CRPIX1"], header["CRPIX2"] = 210.5, 150.5
    for card, value in (("CD1_1", -6e-4), ("CD1_2", 1e-4), ("CD2_1", 1e-4), ("CD2_2", 6e-4)):
        header[card] = value
    return str(header.tostring(sep="\n", endcard=False, padding=False))


def make_study(**changes: Any) -> ClusterStudy:
    """Return the study of every test, its frames turned and its canvas on the sky."""
    study = studies.make_study(shape=SHAPE)
    turned = np.array([[0.0, -1.0, 3.5], [1.0, 0.0, -2.25], [0.0, 0.0, 1.0]])
    registrations = tuple(
        replace(each, matrix=turned, rms_px=0.25) if each.method == "astroalign" else each
        for each in study.registrations
    )
    made = replace(
        study,
        options=StudyOptions(stack="median"),
        registrations=registrations,
        wcs_header=make_wcs_header(),
    )
    return replace(made, **changes)


@pytest.fixture
def study() -> ClusterStudy:
    return make_study()


@pytest.fixture
def outcome(study: ClusterStudy) -> MaskOutcome:
    return apply_mask(study, PARAMETERS)


def no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not JSON")


def read_summary(folder: Path) -> dict[str, Any]:
    text = (folder / "summary.json").read_text(encoding="utf-8")
    summary: dict[str, Any] = json.loads(text, parse_constant=no_constant)
    return summary


def contents(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, hidden or not, by its path."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


def everything_below(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


# --- what is in the files ------------------------------------------------------------------


def test_all_results_are_written(study, outcome, tmp_path) -> None:
    results = write_results(tmp_path / "a" / "b", study, outcome)
    assert results.folder == tmp_path / "a" / "b"
    assert [each.name for each in results.files] == list(RESULT_NAMES)
    assert everything_below(tmp_path) == sorted(
        ["a", "a/b", *(f"a/b/{name}" for name in RESULT_NAMES)]
    )


@pytest.mark.parametrize("name", ["coverage.fits", "alpha.fits"])
def test_fits_holds_the_very_array(study, outcome, tmp_path, name) -> None:
    write_results(tmp_path / "r", study, outcome)
    expected = study.coverage if name == "coverage.fits" else outcome.alpha
    with fits.open(tmp_path / "r" / name) as hdus:
        hdus.verify("exception")
        assert len(hdus) == 1
        assert hdus[0].data.dtype.newbyteorder("=") == np.float32
        assert hdus[0].header["BITPIX"] == -32
        assert np.array_equal(hdus[0].data, expected)


@pytest.mark.parametrize("name", ["coverage.fits", "alpha.fits"])
def test_fits_has_the_wcs_of_the_canvas(study, outcome, tmp_path, name) -> None:
    write_results(tmp_path / "r", study, outcome)
    written = WCS(fits.getheader(tmp_path / "r" / name))
    expected = WCS(fits.Header.fromstring(make_wcs_header(), sep="\n"))
    places = ([0, 399, 200, 17], [0, 299, 150, 280])
    assert written.has_celestial
    assert np.array_equal(
        written.pixel_to_world_values(*places), expected.all_pix2world(*places, 0)
    )


def test_fits_without_a_wcs_has_none(outcome, tmp_path) -> None:
    study = make_study(wcs_header=None)
    write_results(tmp_path / "r", study, outcome)
    assert not WCS(fits.getheader(tmp_path / "r" / "alpha.fits")).has_celestial


def test_fits_units_and_settings(study, outcome, tmp_path) -> None:
    write_results(tmp_path / "r", study, outcome)
    coverage = fits.getheader(tmp_path / "r" / "coverage.fits")
    assert coverage["BUNIT"] == "count"
    assert coverage["EXTNAME"] == "COVERAGE"
    assert coverage["ZCMAX"] == 8
    assert coverage["ZCNFRAME"] == 7
    assert (coverage["ZCNALIGN"], coverage["ZCNRESCU"], coverage["ZCNLEFT"]) == (6, 1, 1)
    alpha = fits.getheader(tmp_path / "r" / "alpha.fits")
    assert alpha["BUNIT"] == ""
    assert alpha["ZCSOURCE"] == "coverage"
    assert alpha["ZCTHRESH"] == pytest.approx(4.8)
    settings = {card.comment: card.value for card in alpha.cards}
    for name, value in PARAMETERS.to_config().items():
        assert settings[name.removeprefix("altaz_")] == value


def test_threshold_that_is_not_a_number_is_undefined_in_fits(tmp_path) -> None:
    study = make_study(coverage=None)
    outcome = apply_mask(study, PARAMETERS)
    assert math.isnan(outcome.threshold)
    write_alpha(tmp_path / "a.fits", study, outcome)
    header = fits.getheader(tmp_path / "a.fits")
    assert "ZCTHRESH" in header
    assert header["ZCTHRESH"] is None


def test_preview_is_a_picture(study, outcome, tmp_path) -> None:
    write_results(tmp_path / "r", study, outcome)
    picture = cv2.imread(str(tmp_path / "r" / "preview.png"))
    assert np.array_equal(picture[..., ::-1], outputs.draw_preview(study, outcome))


def test_summary_has_every_number(study, outcome, tmp_path) -> None:
    write_results(tmp_path / "r", study, outcome)
    summary = read_summary(tmp_path / "r")
    assert summary["schema_version"] == 1
    assert summary["made_by"]["numpy"] == np.__version__
    frames = summary["cluster"]["frames"]
    assert [each["method"] for each in frames] == [each.method for each in study.registrations]
    assert frames[1]["matrix"] == study.registrations[1].matrix.tolist()
    assert (frames[1]["rms_px"], frames[1]["n_stars"], frames[1]["used"]) == (0.25, 40, True)
    assert (frames[7]["matrix"], frames[7]["used"], frames[7]["reason"]) == (
        None,
        False,
        "no match.",
    )
    assert [each["times_counted"] for each in frames] == [1] * 7 + [0]
    assert summary["cluster"]["left_out"] == [{"path": "/frames/bad.fit", "reason": "it is text."}]
    assert summary["cluster"]["reference"] == "/frames/night/frame_0.fit"
    assert summary["cluster"]["nights"] == {"2025-03-26": 8}
    assert summary["study"]["canvas"] == {
        "shape": [300, 400],
        "offset": [0, 0],
        "frame_shape": [300, 400],
        "padded": False,
    }
    assert summary["study"]["options"]["stack"] == "median"
    coverage = summary["study"]["coverage"]
    assert (coverage["min"], coverage["max"]) == (0, 8)
    assert sum(coverage["pixels_of_count"].values()) == 300 * 400
    assert coverage["pixels_of_count"]["8"] == np.count_nonzero(study.coverage == 8)
    assert coverage["nonzero_frac"] == np.count_nonzero(study.coverage) / study.coverage.size
    assert summary["parameters"] == {
        name.removeprefix("altaz_"): value for name, value in PARAMETERS.to_config().items()
    }
    found = summary["outcome"]
    assert found["source"] == "coverage"
    assert found["threshold_frames"] == outcome.threshold
    assert found["threshold_rule"] == "min_coverage_frac"
    assert found["margin_px"] == pytest.approx(0.04 * 300)
    assert found["field_lost"] == outcome.field_lost._asdict()
    assert found["alpha"] == outcome.alpha_stats._asdict()
    assert found["strict_crop"] == list(outcome.strict_crop)
    assert found["saved_rect"] == list(outcome.saved_rect)
    assert "y0, x0, y1, x1" in summary["meaning"]["rectangles"]


def test_repeats_of_a_small_cluster_are_told() -> None:
    whole = make_study()
    small = replace(
        whole,
        cluster=replace(whole.cluster, frames=whole.cluster.frames[:3]),
        registrations=whole.registrations[:3],
    )
    frames = summary_of(small, apply_mask(small, PARAMETERS))["cluster"]["frames"]
    assert [each["times_counted"] for each in frames] == [2, 2, 1]


def test_no_margin_is_told_as_none(study) -> None:
    outcome = apply_mask(study, MaskParameters(margin_percent=0))
    assert outcome.source == "coverage"
    assert summary_of(study, outcome)["outcome"]["margin_px"] == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_null(study, outcome, tmp_path, value) -> None:
    bad = Registration(np.full((3, 3), value), "astroalign", value, 3)
    study = replace(study, registrations=(bad, *study.registrations[1:]))
    write_results(tmp_path / "r", study, replace(outcome, threshold=value))
    summary = read_summary(tmp_path / "r")
    assert summary["cluster"]["frames"][0]["rms_px"] is None
    assert summary["cluster"]["frames"][0]["matrix"] == [[None] * 3] * 3
    assert summary["outcome"]["threshold_frames"] is None


def test_file_name_that_is_no_text(study, outcome, tmp_path) -> None:
    odd = Path("/frames/" + b"\xff\xfe".decode("utf-8", "surrogateescape") + ".fit")
    frames = (replace(study.cluster.frames[0], path=odd), *study.cluster.frames[1:])
    study = replace(study, cluster=replace(study.cluster, frames=frames, name="nächt \x1b[31m"))
    write_results(tmp_path / "r", study, outcome)
    assert read_summary(tmp_path / "r")["cluster"]["frames"][0]["path"] == str(odd)


def test_without_coverage_there_is_no_coverage_file(tmp_path) -> None:
    study = make_study(coverage=None)
    results = write_results(tmp_path / "r", study, apply_mask(study, PARAMETERS))
    assert "coverage.fits" not in [each.name for each in results.files]
    assert read_summary(tmp_path / "r")["study"]["coverage"] is None
    with pytest.raises(ValueError, match="no coverage"):
        write_coverage(tmp_path / "c.fits", study)


def test_without_a_mask_there_is_no_alpha_file(study, tmp_path) -> None:
    dropped = apply_mask(study, MaskParameters(min_coverage_abs=8, margin_percent=50, decay=0))
    dropped = replace(dropped, alpha=None, source="dropped", finite=study.coverage > 0)
    results = write_results(tmp_path / "r", study, dropped)
    assert "alpha.fits" not in [each.name for each in results.files]
    with pytest.raises(ValueError, match="no alpha"):
        write_alpha(tmp_path / "a.fits", study, dropped)


# --- all or none ---------------------------------------------------------------------------


def test_folder_has_the_usual_permissions(study, outcome, tmp_path) -> None:
    before = os.umask(0o027)
    try:
        write_results(tmp_path / "r", study, outcome)
    finally:
        os.umask(before)
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o750
        assert stat.S_IMODE((tmp_path / "r" / "alpha.fits").stat().st_mode) == 0o640


def test_results_are_not_replaced_unasked(study, outcome, tmp_path) -> None:
    write_results(tmp_path, study, outcome)
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=r"holds results already \(.*alpha\.fits.*to be replaced"):
        write_results(tmp_path, study, outcome)
    assert contents(tmp_path) == before


def test_files_of_other_names_are_left_alone(study, outcome, tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_results(tmp_path, study, outcome)
    assert everything_below(tmp_path) == sorted([*RESULT_NAMES, "notes.txt"])


def test_force_leaves_none_of_the_old_results(study, outcome, tmp_path) -> None:
    write_results(tmp_path, study, outcome)
    (tmp_path / "notes.txt").write_text("mine")
    bare = make_study(coverage=None, tile=None)
    write_results(tmp_path, bare, apply_mask(bare, PARAMETERS), force=True)
    assert everything_below(tmp_path) == ["notes.txt", "preview.png", "summary.json"]
    assert read_summary(tmp_path)["study"]["coverage"] is None


FAILURES: list[BaseException] = [
    OSError(errno.ENOSPC, "No space left on device"),
    KeyboardInterrupt(),
    RuntimeError("a fault of the program"),
]


def failing(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "name", ["write_coverage", "write_alpha", "write_preview", "write_summary"]
)
def test_failed_writing_leaves_nothing(study, outcome, tmp_path, monkeypatch, name, error) -> None:
    monkeypatch.setattr(outputs, name, failing(error))
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught:
        write_results(tmp_path / "a" / "r", study, outcome)
    assert everything_below(tmp_path) == []
    if isinstance(error, OSError):
        assert "No space left on device" in str(caught.value)
        assert str(tmp_path / "a" / "r") in str(caught.value)


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("fatal", range(8))
@pytest.mark.parametrize("moved", [False, True])
def test_failed_replacing_puts_the_old_results_back(
    study, outcome, tmp_path, monkeypatch, error, fatal, moved
) -> None:
    """Whichever of the eight moves fails, before or (as by Ctrl-C) after it was done."""
    monkeypatch.setattr(outputs, "draw_preview", lambda *_: np.zeros((2, 2, 3), np.uint8))
    write_results(tmp_path, study, outcome)
    (tmp_path / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    moves = []
    rename = Path.rename

    def fail_once(source: Path, destination: Path) -> Path:
        moves.append(source)
        if len(moves) - 1 != fatal:
            return rename(source, destination)
        if moved:
            rename(source, destination)
        raise error

    monkeypatch.setattr(Path, "rename", fail_once)
    other = apply_mask(study, MaskParameters(min_coverage_frac=0.2))
    with pytest.raises((OutputError, type(error))):
        write_results(tmp_path, study, other, force=True)
    assert len(moves) > fatal
    assert contents(tmp_path) == before


def test_target_that_is_a_file(study, outcome, tmp_path) -> None:
    (tmp_path / "r").write_text("mine")
    for place in (tmp_path / "r", tmp_path / "r" / "below"):
        with pytest.raises(OutputError, match="not a folder"):
            write_results(place, study, outcome, force=True)
    assert contents(tmp_path) == {"r": b"mine"}


def test_folder_in_the_place_of_a_file(study, outcome, tmp_path) -> None:
    (tmp_path / "alpha.fits").mkdir()
    with pytest.raises(OutputError, match=r"has a folder called alpha\.fits"):
        write_results(tmp_path, study, outcome, force=True)
    assert everything_below(tmp_path) == ["alpha.fits"]


def test_folder_that_may_not_be_written_to(tmp_path, monkeypatch) -> None:
    # Asked of the system by its own call: the administrator may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(OutputError, match="may not be written to"):
        check_target(tmp_path / "new" / "r")


def test_home_is_expanded(study, outcome, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert write_results("~/r", study, outcome).folder == tmp_path / "r"


def test_files_of_others_are_not_lost(study, outcome, tmp_path) -> None:
    for name in (PREVIEW_NAME, SUMMARY_NAME, COVERAGE_NAME):
        (tmp_path / name).write_text(f"my own {name}")
    with pytest.raises(OutputError, match=r"not of results that this program.*take the place"):
        write_results(tmp_path, study, outcome)
    bare = make_study(coverage=None, tile=None)
    write_results(tmp_path, bare, apply_mask(bare, PARAMETERS), force=True)
    for name in (PREVIEW_NAME, SUMMARY_NAME, COVERAGE_NAME):
        assert (tmp_path / f"{name}.kept-1").read_text() == f"my own {name}"
    assert not (tmp_path / COVERAGE_NAME).exists()
    # The next time they are ours, but for what was put there since.
    (tmp_path / COVERAGE_NAME).symlink_to(tmp_path / f"{COVERAGE_NAME}.kept-1")
    write_results(tmp_path, study, outcome, force=True)
    assert (tmp_path / f"{COVERAGE_NAME}.kept-2").is_symlink()
    assert (tmp_path / f"{COVERAGE_NAME}.kept-1").read_text() == f"my own {COVERAGE_NAME}"
    assert not (tmp_path / f"{PREVIEW_NAME}.kept-2").exists()
