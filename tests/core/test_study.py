"""study_cluster on made-up frames whose transforms, coverage and colour are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import plain_coverage
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import StudyCancelledError, StudyError
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.registration import apply_matrix
from napari_zecoverage.core.stacking import UNCHANGED
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.sample import (
    describe_sample,
    transforms_to,
    true_coverage,
    write_sample,
)
from napari_zecoverage.sample_settings import SampleSettings

SETTINGS = SampleSettings(n_frames=6, shape=(240, 320))
COVERAGE_ONLY = StudyOptions(stack="none")


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("sample"), SETTINGS)


@pytest.fixture(scope="module")
def cluster(truth):
    return Cluster.from_files(truth.paths)


@pytest.fixture(scope="module")
def study(cluster):
    return study_cluster(cluster, StudyOptions(stack="mean", canvas="padded"), cache=False)


def write_frame(path: Path, pixels, **cards) -> Path:
    fits.PrimaryHDU(pixels, fits.Header({"BAYERPAT": "GRBG", **cards})).writeto(path)
    return path


def test_transforms_and_coverage_are_the_true_ones(truth, cluster, study):
    height, width = SETTINGS.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    reference = cluster.reference_index
    for found, true in zip(study.registrations, transforms_to(truth, reference), strict=True):
        assert np.abs(apply_matrix(found.matrix, corners) - apply_matrix(true, corners)).max() < 0.3
    expected = true_coverage(truth, study.canvas.shape, study.canvas.offset, reference=reference)
    assert study.coverage.dtype == np.float32
    assert study.coverage.max() == expected.max() == len(cluster.frames)
    different = study.coverage != expected
    # A tenth of a pixel of registration moves single pixels of the rims, and no more.
    assert different.mean() < 0.01
    assert np.abs(study.coverage - expected).max() <= 2


def test_coverage_is_what_astroalign_gives_a_frame_at_a_time(cluster, study):
    reference = cluster.reference_index
    paths = [frame.path for frame in cluster.frames]
    paths.insert(0, paths.pop(reference))
    plain = plain_coverage.count_coverage(paths, study.canvas.shape, study.canvas.offset)
    assert plain.max() == 6
    # Transforms that differ by a fraction of a pixel move single pixels of the rims.
    assert (study.coverage != plain).mean() < 0.02


def test_reference_and_summary(cluster, study):
    methods = [each.method for each in study.registrations]
    assert methods.index("reference") == cluster.reference_index
    assert study.frames_used == study.frames_aligned == 6
    assert study.summary == "6 frames: 6 aligned, 0 rescued, 0 left out; coverage 0–6 on 400×400"


def test_tile_is_nan_exactly_where_nothing_covers(study):
    assert study.tile.dtype == np.float32
    np.testing.assert_array_equal(np.isfinite(study.tile).all(axis=2), study.coverage > 0)


def test_canvas_wcs_gives_a_pixel_the_direction_that_the_reference_gives_it(cluster, study):
    frame = cluster.frames[cluster.reference_index]
    own = WCS(fits.Header.fromstring(frame.wcs_header, sep="\n"))
    canvas = WCS(fits.Header.fromstring(study.wcs_header, sep="\n"))
    y, x = study.canvas.offset
    here = own.pixel_to_world(100.5, 50.25)
    there = canvas.pixel_to_world(100.5 + x, 50.25 + y)
    assert here.separation(there).arcsec < 1e-6


def test_the_frames_sky_is_matched_or_left_as_asked(tmp_path):
    settings = replace(
        SETTINGS, n_frames=5, nights=(replace(SETTINGS.nights[0], gradient=(0, 0, 0)),)
    )
    settings = replace(settings, frame_colours=((0, 0, 0),) * 4 + ((300, 0, -200),))
    cluster = Cluster.from_files(write_sample(tmp_path, settings).paths)
    with_step = study_cluster(cluster, StudyOptions(stack="mean", background="off"), cache=False)
    matched = study_cluster(cluster, StudyOptions(stack="mean"), cache=False)
    core = with_step.coverage == 5
    assert all(each == UNCHANGED for each in with_step.backgrounds)
    odd = np.array(matched.backgrounds[4].offset) - matched.backgrounds[0].offset
    np.testing.assert_allclose(odd, (-300, 0, 200), atol=8)
    step = np.median((with_step.tile - matched.tile)[core], axis=0)
    if cluster.reference_index == 4:
        step -= (300, 0, -200)
    np.testing.assert_allclose(step, np.array([300, 0, -200]) / 5, atol=6)


def test_the_same_study_twice_is_the_same_to_the_last_bit(cluster, study):
    again = study_cluster(cluster, replace(study.options, workers=1), cache=False)
    np.testing.assert_array_equal(again.coverage, study.coverage)
    np.testing.assert_array_equal(again.tile, study.tile)


def test_under_five_frames_the_counts_include_zemosaics_repeats(truth):
    cluster = Cluster.from_files(truth.paths[:3])
    study = study_cluster(cluster, StudyOptions(stack="mean", canvas="padded"), cache=False)
    assert study.frames_used == 5
    assert study.coverage.max() == 5
    expected = true_coverage(
        describe_sample(SETTINGS),
        study.canvas.shape,
        study.canvas.offset,
        reference=cluster.reference_index,
        counted=(0, 1, 2, 0, 1),
    )
    assert (study.coverage != expected).mean() < 0.01


def test_one_frame_alone_is_counted_five_times(truth):
    study = study_cluster(Cluster.from_files(truth.paths[:1]), StudyOptions(), cache=False)
    assert study.coverage.shape == SETTINGS.shape
    assert (study.coverage == 5).all()
    assert any("One frame alone" in note for note in study.notes)


def test_bad_frames_are_left_out_with_a_reason_and_the_rest_goes_on(truth, tmp_path):
    shape = SETTINGS.shape
    noise = np.random.default_rng(0).normal(1000, 20, shape).astype(np.uint16)
    torn = tmp_path / "torn.fits"
    torn.write_bytes(truth.paths[2].read_bytes()[:20000])
    bad = [
        write_frame(tmp_path / "constant.fits", np.full(shape, 900, np.uint16)),
        write_frame(tmp_path / "starless.fits", noise),
        write_frame(tmp_path / "nan.fits", np.full(shape, np.nan, np.float32)),
    ]
    cluster = Cluster.from_files([*truth.paths, *bad, torn])
    study = study_cluster(cluster, StudyOptions(stack="mean"), cache=False)
    assert study.frames_used == 6
    reasons = {
        frame.path.name: each.reason
        for frame, each in zip(cluster.frames, study.registrations, strict=True)
        if not each.used
    }
    assert set(reasons) == {"constant.fits", "starless.fits", "nan.fits"}
    assert all(reasons.values())
    assert [Path(path).name for path, _ in cluster.left_out] == ["torn.fits"]
    assert study.coverage.max() == 6


def test_a_reference_without_stars_is_replaced(truth, tmp_path):
    first = write_frame(tmp_path / "a.fits", np.full(SETTINGS.shape, 900, np.uint16))
    plain = []
    for k, path in enumerate(truth.paths):
        # Without WCS, so that the first frame is the reference.
        plain.append(write_frame(tmp_path / f"b{k}.fits", fits.getdata(path)))
    study = study_cluster(Cluster.from_files([first, *plain]), COVERAGE_ONLY, cache=False)
    assert study.registrations[1].method == "reference"
    assert study.coverage.max() == 6
    assert any("a.fits has too few stars" in note for note in study.notes)


def test_a_file_that_vanishes_before_it_is_read_is_left_out(truth, tmp_path):
    copies = [tmp_path / path.name for path in truth.paths]
    for path, copy in zip(truth.paths, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    cluster = Cluster.from_files(copies)
    gone = copies[(cluster.reference_index + 1) % 6]
    gone.unlink()
    study = study_cluster(cluster, COVERAGE_ONLY, cache=False)
    assert study.frames_used == 5
    assert gone.name in next(each.reason for each in study.registrations if not each.used)


def copied(truth, folder):
    copies = [folder / path.name for path in truth.paths]
    for path, copy in zip(truth.paths, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    return copies


def test_a_file_that_vanishes_before_it_is_stacked_is_left_out_of_the_tile(truth, tmp_path):
    copies = copied(truth, tmp_path)
    cluster = Cluster.from_files(copies)
    gone = copies[(cluster.reference_index + 1) % 6]

    def remove(progress):
        if progress.stage == "cover":
            gone.unlink(missing_ok=True)

    study = study_cluster(cluster, StudyOptions(stack="mean"), progress=remove, cache=False)
    assert study.coverage.max() == 6
    assert np.isfinite(study.tile).any()
    assert any(gone.name in note and "tile is without it" in note for note in study.notes)
    left_out = [index for index, each in enumerate(study.backgrounds) if each is None]
    assert left_out == [copies.index(gone)]


def test_a_file_that_changed_its_size_is_left_out(truth, tmp_path):
    copies = copied(truth, tmp_path)
    cluster = Cluster.from_files(copies)
    changed = copies[(cluster.reference_index + 1) % 6]
    changed.unlink()
    write_frame(changed, np.full((90, 120), 900, np.uint16))
    study = study_cluster(cluster, COVERAGE_ONLY, cache=False)
    assert study.frames_used == 5
    assert "has changed" in next(each.reason for each in study.registrations if not each.used)


def test_hot_pixels_do_not_hold_the_frames_where_they_are(truth, tmp_path):
    # Debayered, they are blobs as large as stars, and they never move.
    rng = np.random.default_rng(1)
    y, x = rng.integers(2, 238, 250), rng.integers(2, 318, 250)
    heat = rng.uniform(3000, 50000, 250)
    paths = []
    for path in truth.paths:
        pixels = fits.getdata(path)
        pixels[y, x] = heat
        paths.append(write_frame(tmp_path / path.name, pixels))
    hot = study_cluster(Cluster.from_files(paths), COVERAGE_ONLY, cache=False)
    assert hot.frames_used == 6
    height, width = SETTINGS.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    for found, true in zip(hot.registrations, transforms_to(truth, 0), strict=True):
        assert np.abs(apply_matrix(found.matrix, corners) - apply_matrix(true, corners)).max() < 0.5


def test_no_readable_frame_is_an_error_that_names_them(truth, tmp_path):
    copy = tmp_path / "only.fits"
    copy.write_bytes(truth.paths[0].read_bytes())
    cluster = Cluster.from_files([copy])
    copy.unlink()
    with pytest.raises(StudyError, match=r"only\.fits"):
        study_cluster(cluster, COVERAGE_ONLY, cache=False)


def test_of_many_frames_that_cannot_be_read_the_first_are_named(truth, tmp_path):
    copies = [tmp_path / f"{number}.fits" for number in range(5)]
    for copy in copies:
        copy.write_bytes(truth.paths[0].read_bytes())
    cluster = Cluster.from_files(copies)
    for copy in copies:
        copy.unlink()
    with pytest.raises(StudyError, match=r"; and 2 more$") as told:
        study_cluster(cluster, COVERAGE_ONLY, cache=False)
    assert sum(str(copy) in str(told.value) for copy in copies) == 3


def test_not_finite_pixels_are_neither_counted_nor_stacked(truth, tmp_path):
    paths = []
    for k, path in enumerate(truth.paths[:5]):
        pixels = fits.getdata(path).astype(np.float32)
        if k == 0:
            pixels[100:110, 150:160] = np.nan
        paths.append(write_frame(tmp_path / f"{k}.fits", pixels))
    study = study_cluster(Cluster.from_files(paths), StudyOptions(stack="mean"), cache=False)
    y, x = study.canvas.offset
    hole = study.coverage[y + 100 : y + 110, x + 150 : x + 160]
    around = study.coverage[y + 92 : y + 118, x + 142 : x + 168]
    assert (hole == around.max() - 1).all()
    # The debayering and the cubic kernel reach no further than four pixels.
    assert (around == around.max() - 1).sum() <= 18 * 18
    assert np.isfinite(study.tile[study.coverage > 0]).all()


def test_a_copy_of_a_frame_is_told(truth, tmp_path):
    copy = tmp_path / "copy.fits"
    copy.write_bytes(truth.paths[3].read_bytes())
    study = study_cluster(Cluster.from_files([*truth.paths, copy]), COVERAGE_ONLY, cache=False)
    assert any("copy.fits" in note and "same picture" in note for note in study.notes)


def test_progress_is_told_in_words_and_in_order(cluster):
    heard = []
    study_cluster(cluster, StudyOptions(stack="mean"), progress=heard.append, cache=False)
    stages = [each.stage for each in heard]
    assert stages == sorted(stages, key=["register", "cover", "stack"].index)
    for stage in ("register", "cover", "stack"):
        last = [each for each in heard if each.stage == stage][-1]
        assert last.done == last.total
    assert str(heard[-1]).startswith("stacking the tile")


@pytest.mark.parametrize("stage", ["register", "cover", "stack"])
def test_stopping_ends_the_study_at_any_stage(cluster, stage, tmp_path):
    from napari_zecoverage.core.cache import StudyCache

    heard = []
    cache = StudyCache(tmp_path)
    with pytest.raises(StudyCancelledError):
        study_cluster(
            cluster,
            StudyOptions(stack="mean"),
            progress=heard.append,
            should_stop=lambda: bool(heard) and heard[-1].stage == stage,
            cache=cache,
        )
    assert heard[-1].stage == stage
    assert cache.entries() == []
    assert list(tmp_path.iterdir()) == []


def test_real_frames_all_align(real_frames):
    study = study_cluster(Cluster.from_files(real_frames), COVERAGE_ONLY, cache=False)
    assert [each.method for each in study.registrations].count("astroalign") == 11
    assert max(each.rms_px for each in study.registrations) < 1.0
    assert study.coverage.max() == 12
