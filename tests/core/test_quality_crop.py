"""The quality crop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.quality_crop import quality_crop

# --- quality crop: what ZeMosaic answered --------------------------------------------------


@pytest.mark.parametrize("index", range(14))
def test_quality_crop_is_zemosaics(golden_dir: Path, index: int) -> None:
    arrays = np.load(golden_dir / "quality_crop.npz")
    cases = json.loads(str(arrays["meta"]))
    case = cases[index]
    given_as = arrays[f"rgb{index}"]
    for rgb in (given_as.astype(np.float32), given_as):
        rect = quality_crop(
            rgb, band_px=case["band_px"], k_sigma=case["k_sigma"], margin_px=case["margin_px"]
        )
        assert list(rect) == case["rect"]


# --- quality crop: pictures whose answer is known ------------------------------------------


def sky(height: int, width: int) -> np.ndarray:
    """Even sky with a dark square in the middle, which takes the place of the darkest blocks.

    Two pixels in the square hold 0 and 65535, so that stretching divides by 65535.
    """
    picture = np.random.default_rng(7).normal(20000, 20, (height, width, 3))
    middle = Rect(height * 3 // 8, width * 3 // 8, height * 5 // 8, width * 5 // 8)
    picture[middle.slices] -= 5000
    picture[height // 2, width // 2] = 0
    picture[height // 2 + 1, width // 2] = 65535
    return picture.astype(np.float32)


@pytest.mark.parametrize("margin", [0, 8, 20])
def test_quality_crop_of_even_sky_takes_the_margin(margin: int) -> None:
    rect = quality_crop(sky(320, 400), band_px=16, margin_px=margin)
    assert rect == (margin, margin, 320 - margin, 400 - margin)


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ("left", Rect(0, 9, 320, 400)),
        ("right", Rect(0, 0, 320, 391)),
        ("top", Rect(9, 0, 320, 400)),
        ("bottom", Rect(0, 0, 311, 400)),
    ],
)
@pytest.mark.parametrize("channels", [[0, 1, 2], [2]])
def test_quality_crop_takes_bright_strips_off(
    side: str, expected: Rect, channels: list[int]
) -> None:
    picture = sky(320, 400)
    strip = np.ones((320, 400), bool)
    strip[expected.slices] = False
    for channel in channels:
        picture[strip, channel] += 200
    assert quality_crop(picture, band_px=16, margin_px=0) == expected, side


def test_quality_crop_brightness_limit_grows_with_k() -> None:
    picture = sky(320, 400)
    picture[:, :9] += 60  # 60 / 0.67 / 20: 4.4 median absolute deviations
    assert quality_crop(picture, band_px=16, k_sigma=4, margin_px=0).x0 == 9
    assert quality_crop(picture, band_px=16, k_sigma=5, margin_px=0).x0 == 0


def test_quality_crop_takes_dark_strips_off_right_and_bottom() -> None:
    # The dark strips lie beyond the last whole block, so that only step 5 sees them.
    picture = sky(326, 412)
    picture[320:] = 0
    picture[:, 400:] = 0
    assert quality_crop(picture, band_px=16, margin_px=0) == (0, 0, 320, 400)


def test_quality_crop_drops_dark_blocks_on_any_side() -> None:
    picture = sky(320, 400)
    picture[:, :16] = 0
    # The first column of blocks is dark; two more on either side of it are lost, round the edge.
    assert quality_crop(picture, band_px=16, margin_px=0) == (0, 48, 320, 368)


def tint(picture: np.ndarray, area: Any, factor: float) -> None:
    """Take green and blue away: a red cast that is darker in every channel, so never "bright"."""
    picture[(*area, slice(1, None))] *= factor


def test_quality_crop_takes_a_tinted_edge_off() -> None:
    picture = sky(320, 412)
    tint(picture, (slice(None), slice(400, None)), 0.7)  # ln(1/0.7) = 0.36 > 2.5 × 0.12
    assert quality_crop(picture, band_px=16, margin_px=0) == (0, 0, 320, 400)


def test_quality_crop_leaves_a_faint_tint() -> None:
    picture = sky(320, 412)
    tint(picture, (slice(None), slice(400, None)), 0.77)  # 0.26: over the limit, not 2.5 × it
    assert quality_crop(picture, band_px=16, margin_px=0) == (0, 0, 320, 412)


def test_quality_crop_takes_at_most_a_tenth_for_a_tint() -> None:
    picture = sky(256, 222)
    tint(picture, (slice(None), slice(192, None)), 0.7)
    # A tenth is 22 px; strips of 3 px are taken while less is gone.
    assert quality_crop(picture, band_px=32, margin_px=0) == (0, 0, 256, 198)


def test_quality_crop_leaves_a_tint_that_the_noise_could_make() -> None:
    picture = sky(320, 412)
    noise = np.random.default_rng(3).normal(0, 1000, picture.shape)
    # ln(R/G) then varies by 0.07, its MAD is 0.048; the cast of 0.36 is under 2.5 × 6 × that.
    picture += noise.astype(np.float32)
    tint(picture, (slice(None), slice(400, None)), 0.7)
    assert quality_crop(picture, band_px=16, margin_px=0).x1 == 412


def test_quality_crop_leaves_a_tint_of_faint_sky() -> None:
    picture = sky(320, 412)
    tint(picture, (slice(None), slice(400, None)), 0.7)
    picture[161, 206] = 2e6  # the brightest pixel: sky is then 0.01, too faint to be saturated
    assert quality_crop(picture, band_px=16, margin_px=0) == (0, 0, 320, 412)


def sky_with_a_red_left(height: int, width: int, red_px: int) -> np.ndarray:
    """Sky with saturated columns that are neither "bright" nor among the darkest blocks."""
    picture = sky(height, width)
    picture[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8] *= 0.2
    picture[height // 2 + 1, width // 2] = 65535
    tint(picture, (slice(None), slice(0, red_px)), 0.25)
    return picture


@pytest.mark.parametrize(("red_px", "margin"), [(24, 0), (40, 40)])
def test_quality_crop_drops_saturated_blocks_at_the_border(red_px: int, margin: int) -> None:
    # The border is max(24, margin) deep. Of its red blocks all but the outer two on each side
    # are dropped, then the kept lose two blocks round them: all the red is gone.
    picture = sky_with_a_red_left(320, 400, red_px)
    rect = quality_crop(picture, band_px=4, k_sigma=10, margin_px=margin)
    assert rect == (margin, red_px + margin, 320 - margin, 400 - margin)


def test_quality_crop_drops_no_saturated_blocks_deeper_than_the_border() -> None:
    # With blocks of 32 px the border is one block deep, which the two erosions use up: what is
    # red is left to the tint trim, which takes a tenth.
    picture = sky_with_a_red_left(640, 640, 160)
    assert quality_crop(picture, band_px=32, k_sigma=10, margin_px=0) == (0, 66, 640, 640)


def test_quality_crop_drops_even_blocks_that_are_as_dark_as_the_darkest() -> None:
    picture = sky(320, 400)
    picture[:, :32] = [15000, 13500, 13500]
    # Bright enough for k = 10, but even: the first two columns of blocks are dropped.
    rect = quality_crop(picture, band_px=16, k_sigma=10, margin_px=0)
    assert rect == (0, 64, 320, 368)


def test_quality_crop_tries_a_finer_band_where_the_margin_is_touched() -> None:
    picture = sky(640, 640)
    picture[-12:] *= 0.2
    # In blocks of 64 the dim strip drowns, in blocks of 32 it costs the last row of blocks, and
    # two more on either side of it, round the edge.
    assert quality_crop(picture, band_px=64, k_sigma=3, margin_px=0) == (64, 0, 544, 640)


def test_quality_crop_tries_no_finer_band_than_32_pixels() -> None:
    picture = sky(640, 640)
    picture[-8:] *= 0.2
    assert quality_crop(picture, band_px=32, k_sigma=3, margin_px=0) == (0, 0, 640, 640)
    assert quality_crop(picture, band_px=16, k_sigma=3, margin_px=0) == (32, 0, 592, 640)


def test_quality_crop_with_fewer_than_three_blocks_takes_the_margin() -> None:
    picture = sky(95, 300)
    assert quality_crop(picture, band_px=32, margin_px=5) == (5, 5, 90, 295)
    assert quality_crop(picture, band_px=32, margin_px=47) == (47, 47, 48, 253)
    assert quality_crop(picture, band_px=32, margin_px=48) == (0, 0, 95, 300)


def test_quality_crop_keeps_the_whole_where_hardly_anything_is_left() -> None:
    assert quality_crop(sky(320, 400), band_px=16, margin_px=155) == (155, 155, 165, 245)
    assert quality_crop(sky(320, 400), band_px=16, margin_px=156) == (0, 0, 320, 400)


def test_quality_crop_of_a_constant_picture_is_the_whole() -> None:
    assert quality_crop(np.full((200, 300, 3), 1000)) == (0, 0, 200, 300)


def test_quality_crop_counts_what_is_not_finite_as_zero() -> None:
    zero, damaged = sky(320, 400), sky(320, 400)
    zero[:, :20] = 0
    damaged[:, :10] = np.nan
    damaged[:, 10:20] = np.inf
    assert quality_crop(damaged, band_px=16) == quality_crop(zero, band_px=16)


def test_quality_crop_does_not_touch_its_input() -> None:
    picture = sky(320, 400)
    picture[0, 0] = np.nan
    before = picture.copy()
    quality_crop(picture)
    np.testing.assert_array_equal(picture, before)


# --- quality crop: what it is given --------------------------------------------------------


@pytest.mark.parametrize(
    ("given_as", "used_as"),
    [
        ({"band_px": -3}, {"band_px": 4}),
        ({"band_px": 16.9}, {"band_px": 16}),
        ({"margin_px": -5}, {"margin_px": 0}),
        ({"margin_px": np.float32(7.5)}, {"margin_px": 7}),
        ({"k_sigma": 0}, {"k_sigma": 0.1}),
        ({"k_sigma": 99}, {"k_sigma": 10}),
        ({"band_px": np.int64(16)}, {"band_px": 16}),
    ],
)
def test_quality_crop_brings_parameters_into_range(
    given_as: dict[str, Any], used_as: dict[str, Any]
) -> None:
    picture = sky(320, 400)
    picture[:, :9] += np.linspace(0, 200, 9)[::-1, None]
    others = {"band_px": 16, "margin_px": 0}
    assert quality_crop(picture, **{**others, **given_as}) == quality_crop(
        picture, **{**others, **used_as}
    )


@pytest.mark.parametrize("name", ["band_px", "k_sigma", "margin_px"])
@pytest.mark.parametrize("value", ["8", None, True, np.nan, np.inf, 1j, [8], 10**400])
def test_quality_crop_names_a_parameter_that_is_not_a_number(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name) as caught:
        quality_crop(sky(64, 64), **{name: value})
    assert caught.value.field == name


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((50, 50)),
        np.zeros((3, 50, 50)),
        np.zeros((50, 50, 4)),
        np.zeros((0, 50, 3)),
        np.zeros((2, 50, 50, 3)),
        np.zeros((50, 50, 3), complex),
        np.full((5, 5, 3), "1"),
        [[1, 2], [3]],
        None,
    ],
    ids=["grey", "channels first", "four", "empty", "4-D", "complex", "text", "ragged", "None"],
)
def test_quality_crop_refuses_what_is_not_a_colour_picture(rgb: Any) -> None:
    with pytest.raises(ParameterError, match=r"^rgb: .*height, width, 3") as caught:
        quality_crop(rgb)
    assert caught.value.field == "rgb"


numbers = {
    np.float32: st.floats(width=32),
    np.float64: st.floats(),
    np.uint16: st.integers(0, 65535),
    np.int64: st.integers(-(2**63), 2**63 - 1),
}


@st.composite
def pictures(draw: st.DrawFn) -> np.ndarray:
    dtype = draw(st.sampled_from(list(numbers)))
    shape = draw(st.tuples(st.integers(1, 90), st.integers(1, 90), st.just(3)))
    return draw(hnp.arrays(dtype, shape, elements=numbers[dtype], fill=numbers[dtype]))


def assert_inside(rect: Rect, picture: np.ndarray) -> None:
    assert 0 <= rect.y0 < rect.y1 <= picture.shape[0]
    assert 0 <= rect.x0 < rect.x1 <= picture.shape[1]


@settings(max_examples=80, deadline=None)
@given(
    picture=pictures(),
    band=st.integers(-5, 300),
    k=st.floats(-5, 50),
    margin=st.one_of(st.integers(-5, 60), st.just(10**30)),
)
@example(picture=np.full((90, 90, 3), 3.4e38), band=4, k=2, margin=0)
@example(picture=np.full((90, 90, 3), 1e308), band=4, k=2, margin=0)
@example(picture=np.eye(90)[..., None].repeat(3, axis=2) * 1e-45, band=4, k=2, margin=0)
def test_quality_crop_is_never_empty_and_inside_the_picture(
    picture: np.ndarray, band: int, k: float, margin: int
) -> None:
    assert_inside(quality_crop(picture, band_px=band, k_sigma=k, margin_px=margin), picture)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(60, 260), st.integers(60, 260)),
    strips=st.lists(
        st.tuples(
            st.sampled_from(["rows", "columns"]),
            st.integers(-40, 40),
            st.tuples(*[st.floats(0, 2)] * 3),
        ),
        max_size=5,
    ),
    band=st.sampled_from([4, 16, 32, 64]),
    k=st.sampled_from([0.1, 2, 10]),
    margin=st.integers(0, 30),
)
def test_quality_crop_of_damaged_edges_is_inside_the_picture(
    size: tuple[int, int],
    strips: list[tuple[str, int, tuple[float, float, float]]],
    band: int,
    k: float,
    margin: int,
) -> None:
    picture = sky(*size)
    for along, depth, factors in strips:
        lines = slice(depth, None) if depth < 0 else slice(0, depth)
        area = (lines, slice(None)) if along == "rows" else (slice(None), lines)
        picture[area] *= np.float32(factors)
    assert_inside(quality_crop(picture, band_px=band, k_sigma=k, margin_px=margin), picture)
