"""The made-up cluster: its frames must bear out the truth that it tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import astroalign
import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import AffineTransform

from napari_zecoverage import sample
from napari_zecoverage.core.errors import OutputError, ParameterError
from napari_zecoverage.sample import (
    describe_sample,
    make_cluster_frames,
    sample_folder,
    transforms_to,
    true_coverage,
    write_sample,
)
from napari_zecoverage.sample_frames import frame_header, render_frame, true_background
from napari_zecoverage.sample_settings import Night, SampleSettings, SampleTruth

SMALL = SampleSettings(n_frames=5, shape=(60, 80), stars_per_megapixel=4000, dither_px=5)
FLAT_NIGHTS = (
    Night(angle_deg=0, sweep_deg=10),
    Night(angle_deg=40, sweep_deg=10, colour=(25, -7, -12), colour_drift=(4, 0, 2)),
)


@pytest.fixture(scope="module")
def default_truth() -> SampleTruth:
    return make_cluster_frames()


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def corners(shape: tuple[int, int]) -> np.ndarray:
    height, width = shape
    return np.array([(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)], float)


def debayer(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_BayerGRBG2RGB).astype(np.float32)


def wcs_of(truth: SampleTruth, index: int) -> WCS:
    header = frame_header(truth, index)
    # astropy warns that it works out MJD-OBS from it.
    del header["DATE-OBS"]
    return WCS(header)


# --- the same settings, the same bits ---------------------------------------------------------


def test_same_settings_give_the_same_frames():
    first, again = make_cluster_frames(SMALL), make_cluster_frames(SMALL)
    for one, other in zip(first.frames, again.frames, strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(first.stars, again.stars)


def test_another_seed_gives_another_field():
    first, other = make_cluster_frames(SMALL), make_cluster_frames(replace(SMALL, seed=3))
    assert not np.array_equal(first.frames[0], other.frames[0])
    assert not np.array_equal(first.stars, other.stars)


def test_a_frame_drawn_alone_equals_the_one_drawn_with_the_others():
    truth = make_cluster_frames(SMALL)
    assert np.array_equal(render_frame(describe_sample(SMALL), 3), truth.frames[3])


def test_no_two_frames_share_their_noise():
    truth = make_cluster_frames(
        replace(SMALL, nights=(Night(sweep_deg=0),), dither_px=0, stars_per_megapixel=0)
    )
    first, second = (frame.astype(float) for frame in truth.frames[:2])
    correlation = np.corrcoef((first - np.median(first)).ravel(), second.ravel())[0, 1]
    # The Bayer steps and nebulae are common to both; the noise is what is left.
    sky = true_background(truth, 0)
    mosaic = np.empty(truth.settings.shape)
    for row, column, channel in ((0, 0, 1), (0, 1, 0), (1, 0, 2), (1, 1, 1)):
        mosaic[row::2, column::2] = sky[row::2, column::2, channel]
    noise = np.corrcoef((first - mosaic).ravel(), (second - mosaic).ravel())[0, 1]
    assert abs(noise) < 0.1 < correlation


# --- the default sample -----------------------------------------------------------------------


def test_the_default_frames(default_truth: SampleTruth):
    assert len(default_truth.frames) == len(default_truth.transforms) == 16
    for frame in default_truth.frames:
        assert frame.shape == (480, 640)
        assert frame.dtype == np.uint16
    assert np.array_equal(default_truth.transforms[0], np.eye(3))
    assert default_truth.night_of_frame == (0,) * 8 + (1,) * 8


def test_star_matching_finds_the_true_transforms(default_truth: SampleTruth):
    reference = debayer(default_truth.frames[0]).mean(axis=2)
    points = corners(default_truth.settings.shape)
    for frame, matrix in zip(default_truth.frames[1:], default_truth.transforms[1:], strict=True):
        found, _ = astroalign.find_transform(
            debayer(frame).mean(axis=2), reference, detection_sigma=3, min_area=5
        )
        error = np.hypot(*(apply(found.params, points) - apply(matrix, points)).T)
        assert error.max() < 0.3


def test_the_default_sample_is_fringed_even_with_matched_medians(default_truth: SampleTruth):
    """The rim that only one night covers differs in R-B from the middle, far over the noise."""
    side, height, width = 800, 480, 640
    offset = ((side - height) // 2, (side - width) // 2)
    summed = np.zeros((side, side, 3))
    counts = np.zeros((2, side, side))
    for index, (frame, matrix) in enumerate(
        zip(default_truth.frames, default_truth.transforms, strict=True)
    ):
        rgb = debayer(frame)
        rgb -= np.median(rgb, axis=(0, 1))
        to_canvas = matrix.copy()
        to_canvas[:2, 2] += offset[1], offset[0]
        placed = cv2.warpAffine(rgb, to_canvas[:2], (side, side), borderValue=(-1e6,) * 3)
        covered = np.all(placed > -1e4, axis=2)
        summed[covered] += placed[covered]
        counts[default_truth.night_of_frame[index]] += covered
    tile = summed / np.maximum(counts.sum(axis=0), 1)[:, :, np.newaxis]
    tint = tile[:, :, 0] - tile[:, :, 2]
    core = counts.sum(axis=0) == 16
    left = (counts[0] > 4) & (counts[1] == 0) & (np.arange(side) < side // 2)
    assert core.mean() > 0.2
    assert left.mean() > 0.02
    # One frame's noise of 15 ADU is about 5 in a tile of eight frames.
    assert abs(np.median(tint[left]) - np.median(tint[core])) > 15


def test_the_default_coverage_reaches_from_none_to_all(default_truth: SampleTruth):
    coverage = true_coverage(default_truth, (800, 800), (160, 80))
    assert set(np.unique(coverage)) == set(range(17))


def test_the_reference_is_nearest_to_the_mean_direction(default_truth: SampleTruth):
    height, width = default_truth.settings.shape
    directions = []
    for index in range(len(default_truth.transforms)):
        place = wcs_of(default_truth, index).pixel_to_world(width / 2, height / 2)
        directions.append(place.cartesian.xyz.value)
    mean = np.mean(directions, axis=0)
    assert int(np.argmax(np.array(directions) @ (mean / np.linalg.norm(mean)))) == 0


# --- colours ----------------------------------------------------------------------------------


def test_sky_medians_differ_by_the_told_colours():
    chosen = SampleSettings(
        n_frames=6,
        shape=(240, 320),
        nights=FLAT_NIGHTS,
        frame_colours=tuple((3.0 * k, 0.0, -2.0 * k) for k in range(6)),
        bayer_pattern="RGGB",
        stars_per_megapixel=300,
        n_nebulae=0,
    )
    truth = make_cluster_frames(chosen)
    assert np.array_equal(truth.colour_offsets[0], (0, 0, 0))
    np.testing.assert_allclose(truth.colour_offsets[5], (25 + 4 + 15 - 2 + 2, -7, -22), atol=4.1)
    sites = {0: [(0, 0)], 1: [(0, 1), (1, 0)], 2: [(1, 1)]}
    for frame, sky in zip(truth.frames, truth.sky_colours, strict=True):
        for channel, places in sites.items():
            values = np.concatenate([frame[r::2, c::2].ravel() for r, c in places])
            # Noise 15 ADU on 19200 pixels and more: the median's error is 0.14 ADU at most.
            assert abs(np.median(values) - sky[channel]) < 1.2


def test_colour_offsets_add_up_night_drift_and_frame():
    truth = describe_sample(
        replace(
            SMALL,
            n_frames=4,
            nights=(Night(), Night(colour=(20, 0, -10), colour_drift=(4, 2, 0))),
            frame_colours=((0, 0, 0), (1, 2, 3), (0, 0, 0), (5, 5, 5)),
        )
    )
    expected = [(0, 0, 0), (1, 2, 3), (18, -1, -10), (27, 6, -5)]
    np.testing.assert_allclose(truth.colour_offsets, expected, atol=1e-9)


@pytest.mark.parametrize("pattern", ["GRBG", "RGGB", "GBRG", "BGGR"])
def test_every_bayer_pattern_debayers_to_the_true_sky(pattern: str):
    truth = make_cluster_frames(
        replace(SMALL, bayer_pattern=pattern, stars_per_megapixel=0, sky_adu=(500, 1000, 2000))
    )
    rgb = cv2.cvtColor(truth.frames[0], getattr(cv2, f"COLOR_Bayer{pattern}2RGB"))
    np.testing.assert_allclose(
        np.median(rgb, axis=(0, 1)), np.median(true_background(truth, 0), axis=(0, 1)), atol=5
    )


def test_frame_gradients_stay_with_the_frame_and_sky_gradients_with_the_sky():
    noiseless = replace(SMALL, dither_px=4, n_nebulae=0)
    with_frame = describe_sample(
        replace(noiseless, nights=(Night(gradient=(100, 0, 0), gradient_angle_deg=90),))
    )
    for index in range(5):
        red = true_background(with_frame, index)[:, :, 0] - 840
        # 100 ADU over the diagonal (100 px here): 1 ADU a pixel downwards.
        np.testing.assert_allclose(np.diff(red, axis=0), 1, atol=1e-9)
        np.testing.assert_allclose(np.diff(red, axis=1), 0, atol=1e-9)
        np.testing.assert_allclose(red.mean(), 0, atol=1e-9)
    with_sky = describe_sample(
        replace(noiseless, nights=(Night(sweep_deg=90),), sky_gradient=(0, 100, 0))
    )
    y, x = np.indices(SMALL.shape)
    points = np.column_stack([x.ravel(), y.ravel()]).astype(float)
    for index, matrix in enumerate(with_sky.transforms):
        green = true_background(with_sky, index)[:, :, 1].ravel()
        np.testing.assert_allclose(green, 1000 + apply(matrix, points)[:, 0] - 39.5, atol=1e-8)


def test_nebulae_stand_still_on_the_sky():
    truth = describe_sample(
        replace(SMALL, nights=(Night(sweep_deg=50),), n_nebulae=1, nebula_fwhm_px=30)
    )
    middle = truth.nebulae[0]
    y, x = np.indices(SMALL.shape)
    points = np.column_stack([x.ravel(), y.ravel()]).astype(float)
    for index, matrix in enumerate(truth.transforms):
        distance = np.hypot(*(apply(matrix, points) - middle).T)
        expected = 840 + 60 * 0.5 ** ((distance / 15) ** 2)
        np.testing.assert_allclose(
            true_background(truth, index)[:, :, 0].ravel(), expected, atol=1e-8
        )


# --- stars and noise --------------------------------------------------------------------------


def test_a_star_has_its_true_place_and_light_in_every_frame():
    quiet = SampleSettings(
        n_frames=3,
        shape=(101, 121),
        nights=(Night(sweep_deg=80),),
        stars_per_megapixel=400,
        faintest_peak_adu=20000,
        brightest_peak_adu=20000,
        star_fwhm_px=4,
        sky_adu=(0, 0, 0),
        n_nebulae=0,
        gain_e_per_adu=0,
        read_noise_adu=0,
    )
    truth = make_cluster_frames(quiet)
    seen = 0
    for frame, matrix in zip(truth.frames, truth.transforms, strict=True):
        places = apply(np.linalg.inv(matrix), truth.stars)
        inside = np.all((places > 15) & (places < (105, 85)), axis=1)
        for star in np.flatnonzero(inside):
            apart = np.hypot(*(places - places[star]).T)
            if np.sort(apart)[1] < 30:
                continue
            column, row = np.round(places[star]).astype(int)
            y, x = np.indices((25, 25)) + np.array([row - 12, column - 12])[:, None, None]
            green = (y + x) % 2 == 0
            light = np.where(green, frame[y, x], 0).astype(float)
            place = np.array([np.sum(light * x), np.sum(light * y)]) / light.sum()
            assert np.hypot(*(place - places[star])) < 0.05
            # Half of the pixels are green.
            assert light.sum() == pytest.approx(truth.star_fluxes[star, 1] / 2, rel=0.02)
            seen += 1
    assert seen >= 3


def test_the_noise_is_as_told():
    truth = make_cluster_frames(
        SampleSettings(
            n_frames=1,
            shape=(300, 300),
            nights=(Night(),),
            stars_per_megapixel=0,
            sky_adu=(600, 600, 600),
            n_nebulae=0,
            gain_e_per_adu=6,
            read_noise_adu=5,
        )
    )
    assert np.var(truth.frames[0].astype(float)) == pytest.approx(600 / 6 + 25 + 1 / 12, rel=0.03)


def test_a_sky_without_anything_is_constant():
    truth = make_cluster_frames(
        replace(
            SMALL,
            nights=(Night(),),
            stars_per_megapixel=0,
            sky_adu=(700, 700, 700),
            n_nebulae=0,
            gain_e_per_adu=0,
            read_noise_adu=0,
        )
    )
    assert truth.stars.shape == (0, 2)
    assert all(np.all(frame == 700) for frame in truth.frames)


def test_light_beyond_uint16_is_clipped():
    bright = make_cluster_frames(replace(SMALL, n_frames=1, sky_adu=(65535, 65535, 65535)))
    dark = make_cluster_frames(replace(SMALL, n_frames=1, sky_adu=(0, 0, 0)))
    assert bright.frames[0].max() == 65535
    assert bright.frames[0].min() > 60000
    assert dark.frames[0].min() == 0


# --- coverage ---------------------------------------------------------------------------------


def test_coverage_equals_astroaligns_footprints():
    truth = describe_sample(
        SampleSettings(n_frames=6, shape=(97, 131), dither_px=9, stars_per_megapixel=0)
    )
    canvas, offset = (164, 164), (33, 16)
    expected = np.zeros(canvas, dtype=np.float32)
    source = np.ones(truth.settings.shape, dtype=np.float32)
    for matrix in truth.transforms:
        to_canvas = matrix.copy()
        to_canvas[:2, 2] += offset[1], offset[0]
        _, footprint = astroalign.apply_transform(
            AffineTransform(to_canvas), source, np.zeros(canvas, dtype=np.float32)
        )
        expected += ~footprint
    found = true_coverage(truth, canvas, offset)
    assert found.dtype == np.float32
    assert np.array_equal(found, expected)


def test_coverage_of_frames_that_only_shift():
    truth = replace(
        describe_sample(replace(SMALL, n_frames=2)),
        transforms=(np.eye(3), np.array([[1, 0, 7], [0, 1, -4], [0, 0, 1]], float)),
    )
    expected = np.zeros((80, 100))
    expected[10:70, 5:85] += 1
    expected[6:66, 12:92] += 1
    assert np.array_equal(true_coverage(truth, (80, 100), (10, 5)), expected)


def test_coverage_of_repeated_frames_counts_again():
    truth = describe_sample(replace(SMALL, n_frames=2))
    once = [true_coverage(truth, (110, 110), (25, 15), counted=[k]) for k in range(2)]
    repeated = true_coverage(truth, (110, 110), (25, 15), counted=(0, 1, 0, 1, 0))
    assert np.array_equal(repeated, 3 * once[0] + 2 * once[1])
    # The canvas holds both: each covers its own area, but for the rim.
    for area in once:
        assert area.sum() == pytest.approx(60 * 80, rel=0.02)


def test_coverage_to_another_reference():
    truth = describe_sample(SMALL)
    moved = transforms_to(truth, 2)
    assert np.array_equal(moved[2], np.eye(3))
    points = corners(SMALL.shape)
    for matrix, from_first in zip(moved, truth.transforms, strict=True):
        np.testing.assert_allclose(
            apply(truth.transforms[2], apply(matrix, points)), apply(from_first, points), atol=1e-9
        )
    # The reference covers all of its own canvas.
    alone = true_coverage(truth, SMALL.shape, reference=2, counted=[2])
    assert np.array_equal(alone, np.ones(SMALL.shape))


# --- files ------------------------------------------------------------------------------------


def test_files_hold_the_frames_and_headers(tmp_path: Path):
    truth = write_sample(tmp_path / "new" / "folder", SMALL)
    in_memory = make_cluster_frames(SMALL)
    assert list(truth.paths) == sorted((tmp_path / "new" / "folder").iterdir())
    dates = []
    for path, frame in zip(truth.paths, in_memory.frames, strict=True):
        with fits.open(path) as hdus:
            hdus.verify("exception")
            assert len(hdus) == 1
            assert hdus[0].data.dtype == np.uint16
            assert np.array_equal(hdus[0].data, frame)
            header = hdus[0].header
        assert header["BAYERPAT"] == "GRBG"
        assert header["EQMODE"] == 0
        assert header["FILTER"] == "IRCUT"
        assert header["EXPTIME"] == 10
        assert header["OBJECT"] == "Sample field"
        assert "Sample" in header["INSTRUME"]
        dates.append(datetime.fromisoformat(header["DATE-OBS"]))
    assert dates == sorted(set(dates))
    nights = [(date - timedelta(hours=12)).date() for date in dates]
    assert [nights.count(night) for night in sorted(set(nights))] == [3, 2]
    # The nights run past midnight, which must not split them.
    assert len({date.date() for date in dates}) > 2


def test_writing_again_gives_the_same_bytes_and_leaves_other_files_alone(tmp_path: Path):
    other = tmp_path / "mine.fit"
    other.write_bytes(b"mine")
    truth = write_sample(tmp_path, SMALL)
    before = [path.read_bytes() for path in truth.paths]
    write_sample(tmp_path, SMALL)
    assert [path.read_bytes() for path in truth.paths] == before
    assert other.read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 6


def test_the_wcs_says_the_same_as_the_transforms(default_truth: SampleTruth):
    reference = wcs_of(default_truth, 0)
    places = default_truth.stars
    sky = reference.pixel_to_world(*places.T)
    for index, matrix in enumerate(default_truth.transforms):
        header = frame_header(default_truth, index)
        assert all(f"CD{i}_{j}" in header for i in (1, 2) for j in (1, 2))
        x, y = wcs_of(default_truth, index).world_to_pixel(sky)
        np.testing.assert_allclose(apply(matrix, np.column_stack([x, y])), places, atol=1e-6)
    scale = np.sqrt(abs(np.linalg.det(reference.pixel_scale_matrix))) * 3600
    assert scale == pytest.approx(2.4)


def test_without_wcs_no_card_of_one_is_written():
    header = frame_header(describe_sample(replace(SMALL, with_wcs=False)), 1)
    assert not [key for key in header if key.startswith(("CTYPE", "CRVAL", "CRPIX", "CD", "CUNIT"))]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path):
    name = write_sample(tmp_path / "first", SMALL).paths[2].name
    (tmp_path / "second" / name).mkdir(parents=True)
    with pytest.raises(OutputError, match=name):
        write_sample(tmp_path / "second", SMALL)
    assert not list((tmp_path / "second").glob("*.part"))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        write_sample(tmp_path / "taken", SMALL)


# --- the cached sample ------------------------------------------------------------------------


def test_the_cached_sample_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path))
    folder = sample_folder(SMALL)
    assert folder.parent == tmp_path
    assert folder.is_absolute()
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(times) == 5

    def refuse(*args: object) -> None:
        raise AssertionError("written a second time")

    monkeypatch.setattr(sample, "write_sample", refuse)
    assert sample_folder(SMALL) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times


def test_without_the_variable_the_cache_is_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("ZECOVERAGE_CACHE_DIR")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name, appauthor: tmp_path / name)
    assert sample_folder(SMALL).parent == tmp_path / "napari-zecoverage"


def test_other_settings_are_cached_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path))
    assert sample_folder(SMALL) != sample_folder(replace(SMALL, seed=9))


@pytest.mark.parametrize("damage", ["missing", "cut by a byte", "cut in the middle", "empty"])
def test_an_incomplete_cached_sample_is_repaired(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path))
    folder = sample_folder(SMALL)
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    victim = max(whole)
    if damage == "missing":
        victim.unlink()
    else:
        size = len(whole[victim])
        kept = {"cut by a byte": size - 1, "cut in the middle": size // 2, "empty": 0}[damage]
        victim.write_bytes(whole[victim][:kept])
    assert sample_folder(SMALL) == folder
    assert {path: path.read_bytes() for path in folder.iterdir()} == whole


def test_an_interrupted_attempt_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path))
    drawn = []

    def interrupted(truth: SampleTruth, index: int) -> np.ndarray:
        drawn.append(index)
        if index == 3:
            raise KeyboardInterrupt
        return render_frame(truth, index)

    monkeypatch.setattr(sample, "render_frame", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sample_folder(SMALL)
    monkeypatch.setattr(sample, "render_frame", render_frame)
    assert drawn == [0, 1, 2, 3]
    folder = sample_folder(SMALL)
    fresh = write_sample(tmp_path / "fresh", SMALL)
    assert [path.name for path in sorted(folder.iterdir())] == [path.name for path in fresh.paths]
    for path in fresh.paths:
        assert (folder / path.name).read_bytes() == path.read_bytes()


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_frames", 0),
        ("n_frames", 2.5),
        ("n_frames", True),
        ("shape", (480,)),
        ("shape", (480, 8)),
        ("shape", 480),
        ("shape", "ab"),
        ("seed", -1),
        ("nights", ()),
        ("nights", (1,)),
        ("frame_colours", ((0, 0, 0),)),
        ("dither_px", -1),
        ("dither_px", float("nan")),
        ("stars_per_megapixel", "many"),
        ("star_fwhm_px", 0),
        ("brightest_peak_adu", 20),
        ("sky_adu", (1, 2)),
        ("sky_adu", (1, 2, float("inf"))),
        ("gain_e_per_adu", -1),
        ("bayer_pattern", "RGB"),
        ("with_wcs", "yes"),
        ("instrument", "caméra"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(name: str, value: object):
    with pytest.raises(ParameterError) as caught:
        SampleSettings(**{name: value})
    assert caught.value.field == name


def test_a_night_that_makes_no_sense_is_refused_by_name():
    with pytest.raises(ParameterError) as caught:
        Night(gradient=(0, 0))  # type: ignore[arg-type]
    assert caught.value.field == "gradient"


angles = st.floats(-360, 360)
triples = st.tuples(*[st.floats(-300, 300)] * 3)


@settings(max_examples=40, deadline=None)
@given(
    n_frames=st.integers(1, 7),
    shape=st.tuples(st.integers(16, 70), st.integers(16, 70)),
    seed=st.integers(0, 2**63 - 1),
    nights=st.lists(
        st.builds(Night, angle_deg=angles, sweep_deg=angles, colour=triples, gradient=triples),
        min_size=1,
        max_size=4,
    ),
    dither_px=st.floats(0, 30),
    stars_per_megapixel=st.floats(0, 20000),
    star_fwhm_px=st.floats(0.5, 8),
    bayer_pattern=st.sampled_from(["GRBG", "RGGB", "GBRG", "BGGR"]),
)
def test_any_settings_make_a_cluster_that_keeps_its_word(**chosen: object):
    truth = make_cluster_frames(SampleSettings(**chosen))  # type: ignore[arg-type]
    made = truth.settings
    assert len(truth.frames) == len(truth.transforms) == len(truth.dates) == made.n_frames
    assert np.array_equal(truth.transforms[0], np.eye(3))
    assert list(truth.dates) == sorted(set(truth.dates))
    middle = np.array([[(made.shape[1] - 1) / 2, (made.shape[0] - 1) / 2]])
    for frame, matrix in zip(truth.frames, truth.transforms, strict=True):
        assert frame.shape == made.shape
        assert frame.dtype == np.uint16
        np.testing.assert_allclose(matrix[:2, :2] @ matrix[:2, :2].T, np.eye(2), atol=1e-12)
        shift = apply(matrix, middle) - middle
        assert np.abs(shift).max() <= made.dither_px + 1e-9
    coverage = true_coverage(truth, made.shape)
    assert coverage.min() >= 1
    assert coverage.max() <= made.n_frames
