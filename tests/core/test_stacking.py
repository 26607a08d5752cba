"""Stacking on frames whose sky is known."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

from napari_zecoverage.core.coverage import find_footprint, padded_canvas, reference_canvas
from napari_zecoverage.core.errors import FrameUnreadableError, OutputError
from napari_zecoverage.core.stacking import UNCHANGED, StackInput, stack_tile

NO_HOLES = np.empty(0, dtype=np.int64)

SHAPE = (60, 80)


def moved(dx, dy):
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])


def make_input(pixels, matrix, canvas, holes=NO_HOLES, times=1):
    on_canvas = canvas.from_frame(matrix)
    footprint = find_footprint(on_canvas, pixels.shape[:2], canvas.shape)
    return StackInput(lambda: pixels, on_canvas, footprint, holes, times)


def stack(inputs, reference, canvas, method="mean", background="off", **more):
    tile, _, failed = stack_tile(
        inputs,
        reference,
        canvas,
        method=method,
        background=background,
        kappa=3.0,
        workers=2,
        on_step=more.pop("on_step", lambda done, total: None),
        **more,
    )
    assert failed == []
    return tile


def ramp(offset=0.0):
    y, x = np.indices(SHAPE, dtype=np.float32)
    return np.stack([x + offset, y + offset, x + y + offset], axis=2)


def test_whole_pixel_shifts_stack_to_the_scene_and_nan_elsewhere():
    canvas = padded_canvas(SHAPE)
    (oy, ox), (height, width) = canvas.offset, SHAPE
    scene = np.random.default_rng(0).uniform(0, 100, (*canvas.shape, 3)).astype(np.float32)
    shifts = [(0, 0), (7, -3), (-5, 9)]
    inputs = []
    expected = np.zeros_like(scene)
    for dx, dy in shifts:
        seen = np.zeros(canvas.shape, bool)
        seen[oy + dy : oy + dy + height, ox + dx : ox + dx + width] = True
        frame = scene[oy + dy : oy + dy + height, ox + dx : ox + dx + width].copy()
        inputs.append(make_input(frame, moved(dx, dy), canvas))
        expected[seen] = scene[seen]
    expected[expected == 0] = np.nan
    tile = stack(inputs, inputs[0].load(), canvas)
    np.testing.assert_allclose(tile, expected, rtol=1e-5)


def test_bands_do_not_show(monkeypatch):
    canvas = padded_canvas(SHAPE)
    rng = np.random.default_rng(2)
    frames = [rng.normal(100, 5, (*SHAPE, 3)).astype(np.float32) for _ in range(6)]
    c, s = math.cos(0.3), math.sin(0.3)
    turned = np.array([[c, -s, 12.5], [s, c, -7.25], [0, 0, 1]])
    inputs = [make_input(f, turned if k % 2 else np.eye(3), canvas) for k, f in enumerate(frames)]
    whole = stack(inputs, frames[0], canvas, "winsorized")
    monkeypatch.setattr("napari_zecoverage.core.stacking.BAND_BYTES", 1)
    np.testing.assert_array_equal(stack(inputs, frames[0], canvas, "winsorized"), whole)


def test_holes_never_reach_the_stack():
    canvas = reference_canvas(SHAPE)
    bad = ramp()
    bad[20, 30] = 1e9
    inputs = [
        make_input(bad, np.eye(3), canvas, holes=np.array([20 * SHAPE[1] + 30])),
        make_input(ramp(), np.eye(3), canvas),
    ]
    np.testing.assert_allclose(stack(inputs, ramp(), canvas), ramp(), rtol=1e-6)
    alone = stack(inputs[:1], ramp(), canvas)
    assert np.isnan(alone[20, 30]).all()
    assert np.isfinite(alone).sum() == alone.size - 3


def test_repeated_frames_weigh_as_often_as_they_are_counted():
    canvas = reference_canvas(SHAPE)
    ones, fours = np.ones((*SHAPE, 3), np.float32), np.full((*SHAPE, 3), 4, np.float32)
    inputs = [
        make_input(ones, np.eye(3), canvas, times=3),
        make_input(fours, np.eye(3), canvas, times=2),
    ]
    np.testing.assert_allclose(stack(inputs, ones, canvas), (3 * 1 + 2 * 4) / 5, rtol=1e-6)


def test_median_background_takes_the_colour_step_away():
    canvas = reference_canvas(SHAPE)
    rng = np.random.default_rng(3)
    scene = rng.normal(500, 4, (*SHAPE, 3)).astype(np.float32)
    step = np.array([30, -12, 5], np.float32)
    other = scene + rng.normal(0, 4, scene.shape).astype(np.float32) + step
    inputs = [make_input(other, np.eye(3), canvas)]
    raw = stack(inputs, scene, canvas) - scene
    np.testing.assert_allclose(np.median(raw, axis=(0, 1)), step, atol=0.5)
    matched = stack(inputs, scene, canvas, background="median") - scene
    np.testing.assert_allclose(np.median(matched, axis=(0, 1)), 0, atol=0.5)


def test_linear_background_takes_a_scale_and_a_step_away():
    shape = (300, 400)
    canvas = reference_canvas(shape)
    y, x = np.indices(shape, dtype=np.float32)
    rng = np.random.default_rng(5)
    scene = (400 + 0.5 * x + 0.3 * y)[..., None] + rng.normal(0, 3, (*shape, 3))
    other = (scene + rng.normal(0, 3, scene.shape) - 50) / 0.8
    inputs = [make_input(other.astype(np.float32), np.eye(3), canvas)]
    reference = scene.astype(np.float32)
    miss = stack(inputs, reference, canvas, background="linear") - reference
    assert np.abs(np.median(miss[:60], axis=(0, 1))).max() < 1.5
    assert np.abs(np.median(miss[-60:], axis=(0, 1))).max() < 1.5
    level_only = stack(inputs, reference, canvas, background="median") - reference
    assert np.abs(np.median(level_only[-60:, -60:], axis=(0, 1))).max() > 20


def test_what_was_done_to_a_background_is_told():
    shape = (300, 400)
    canvas = reference_canvas(shape)
    y, x = np.indices(shape, dtype=np.float32)
    rng = np.random.default_rng(5)
    scene = ((400 + 0.5 * x + 0.3 * y)[..., None] + rng.normal(0, 3, (*shape, 3))).astype(
        np.float32
    )
    other = (scene + np.array([50, -20, 0], np.float32)) / np.float32(0.8)
    pixels = {"off": other, "median": other, "linear": other}
    for background, raw in pixels.items():
        tile, (own, found), failed = stack_tile(
            [make_input(scene, np.eye(3), canvas), make_input(raw.copy(), np.eye(3), canvas)],
            scene,
            canvas,
            method="mean",
            background=background,
            kappa=3.0,
            workers=2,
            on_step=lambda done, total: None,
        )
        assert failed == []
        assert own == UNCHANGED
        # The mean of the reference and slope · raw + offset.
        matched = raw * np.float32(found.slope) + np.float32(found.offset)
        np.testing.assert_allclose(tile, (scene + matched) / 2, rtol=1e-4)
        if background == "off":
            assert found == UNCHANGED
        elif background == "median":
            assert found.slope == (1, 1, 1)
        else:
            np.testing.assert_allclose(found.slope, 0.8, atol=0.02)
            np.testing.assert_allclose(found.offset, (-50, 20, 0), atol=12)


def test_a_frame_beside_the_reference_is_left_as_it_is():
    canvas = padded_canvas(SHAPE)
    far = make_input(ramp(50), moved(95, 0), canvas)
    _, (_, beside), _ = stack_tile(
        [make_input(ramp(), np.eye(3), canvas), far],
        ramp(),
        canvas,
        method="mean",
        background="median",
        kappa=3.0,
        workers=1,
        on_step=lambda done, total: None,
    )
    assert beside == UNCHANGED


def test_linear_background_on_a_flat_sky_only_matches_the_level():
    canvas = reference_canvas((300, 400))
    rng = np.random.default_rng(6)
    scene = rng.normal(500, 5, (300, 400, 3)).astype(np.float32)
    other = rng.normal(540, 5, (300, 400, 3)).astype(np.float32)
    miss = stack([make_input(other, np.eye(3), canvas)], scene, canvas, background="linear") - other
    np.testing.assert_allclose(miss, -40, atol=0.6)


def test_every_step_is_told_and_stopping_leaves_no_scratch_file(tmp_path):
    canvas = reference_canvas(SHAPE)
    inputs = [make_input(ramp(k), np.eye(3), canvas) for k in range(4)]
    steps = []
    stack(inputs, ramp(), canvas, on_step=lambda *step: steps.append(step), scratch_dir=tmp_path)
    assert [done for done, _ in steps] == list(range(1, len(steps) + 1))
    assert steps[-1][0] == steps[-1][1]

    class StopError(Exception):
        pass

    def stop(done, total):
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        stack(inputs, ramp(), canvas, on_step=stop, scratch_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_scratch_folder_that_cannot_be_written_is_named(tmp_path):
    canvas = reference_canvas(SHAPE)
    (tmp_path / "text").write_text("no folder")
    with pytest.raises(OutputError, match=r"text.*scratch"):
        stack(
            [make_input(ramp(), np.eye(3), canvas)], ramp(), canvas, scratch_dir=tmp_path / "text"
        )


def test_too_little_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    canvas = reference_canvas(SHAPE)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    loaded = []
    each = make_input(ramp(), np.eye(3), canvas)
    each = replace(each, load=lambda: loaded.append(1) or ramp())
    with pytest.raises(OutputError, match="MB are needed"):
        stack([each], ramp(), canvas, scratch_dir=tmp_path)
    assert loaded == []


def test_an_error_of_the_listener_is_not_taken_for_one_of_the_disk(tmp_path):
    canvas = reference_canvas(SHAPE)

    def broken(done, total):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        stack([make_input(ramp(), np.eye(3), canvas)], ramp(), canvas, on_step=broken)


def test_a_frame_that_cannot_be_read_any_more_is_left_out_and_told():
    canvas = reference_canvas(SHAPE)
    error = FrameUnreadableError("b.fits", "it is gone")

    def gone():
        raise error

    good = make_input(ramp(1), np.eye(3), canvas)
    tile, backgrounds, failed = stack_tile(
        [good, replace(good, load=gone)],
        ramp(),
        canvas,
        method="mean",
        background="off",
        kappa=3.0,
        workers=2,
        on_step=lambda done, total: None,
    )
    np.testing.assert_allclose(tile, ramp(1), rtol=1e-6)
    assert failed == [error]
    assert backgrounds == [UNCHANGED, None]


def test_what_the_reference_lacks_is_not_its_sky():
    canvas = reference_canvas(SHAPE)
    rng = np.random.default_rng(3)
    scene = rng.normal(1000, 4, (*SHAPE, 3)).astype(np.float32)
    reference = scene.copy()
    reference[:, :50] = np.nan
    for background in ("median", "linear"):
        tile = stack([make_input(scene, np.eye(3), canvas)], reference, canvas, "mean", background)
        np.testing.assert_allclose(np.median(tile, axis=(0, 1)), 1000, atol=1)


def test_a_slope_that_no_sky_has_is_not_believed():
    shape = (300, 400)
    canvas = reference_canvas(shape)
    _, x = np.indices(shape, dtype=np.float32)
    rng = np.random.default_rng(5)
    steep = (400 + x[..., None] + rng.normal(0, 1, (*shape, 3))).astype(np.float32)
    flat = (400 + 0.05 * x[..., None] + rng.normal(0, 1, (*shape, 3))).astype(np.float32)
    tile = stack([make_input(flat, np.eye(3), canvas)], steep, canvas, background="linear")
    assert np.ptp(np.median(tile, axis=(0, 2))) < 30
