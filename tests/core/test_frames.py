"""Frames: read as ZEMOSAIC.md §1 says, and never a traceback for a bad file."""

from __future__ import annotations

import gzip
import io
import pickle
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_zecoverage.core import frames
from napari_zecoverage.core.errors import (
    FrameError,
    FrameShapeError,
    FrameTooLargeError,
    FrameUnreadableError,
)
from napari_zecoverage.core.frames import (
    Frame,
    look_at_cached_frame,
    look_at_frame,
    luminance,
    mount_of_word,
    read_frame,
)

few_examples = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BLOCK = 2880


def write(path: Path, data: NDArray, **cards: object) -> Path:
    header = fits.Header()
    for keyword, value in cards.items():
        header[keyword.replace("__", "-")] = value
    fits.PrimaryHDU(data, header).writeto(path)
    return path


def with_cards(path: Path, text_cards: list[str], data: bytes = b"") -> Path:
    """Write a FITS file from card texts, valid or not."""
    header = "".join(card.ljust(80) for card in [*text_cards, "END"])
    header = header.ljust(-(-len(header) // BLOCK) * BLOCK)
    path.write_bytes(header.encode("latin-1") + data)
    return path


def mosaic_of(colours: NDArray, pattern: str) -> NDArray:
    """Sample a (H, W, 3) scene through a colour filter array."""
    plane = np.empty(colours.shape[:2], colours.dtype)
    for row in range(2):
        for column in range(2):
            channel = "RGB".index(pattern[2 * row + column])
            plane[row::2, column::2] = colours[row::2, column::2, channel]
    return plane


def plain_bilinear(plane: NDArray, pattern: str) -> NDArray:
    """Debayer pixel by pixel in double precision; the outermost pixels are left NaN."""
    height, width = plane.shape
    rgb = np.full((height, width, 3), np.nan)
    at = [["RGB".index(pattern[2 * row + column]) for column in range(2)] for row in range(2)]
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            for channel in range(3):
                if at[y % 2][x % 2] == channel:
                    rgb[y, x, channel] = plane[y, x]
                    continue
                # The nearest of that colour: beside, above and below, else on the diagonals.
                for steps in (
                    ((0, 1), (0, -1), (1, 0), (-1, 0)),
                    ((1, 1), (1, -1), (-1, 1), (-1, -1)),
                ):
                    near = [
                        plane[y + dy, x + dx]
                        for dy, dx in steps
                        if at[(y + dy) % 2][(x + dx) % 2] == channel
                    ]
                    if near:
                        rgb[y, x, channel] = np.mean(near, dtype=float)
                        break
    return rgb


@pytest.fixture
def ramp() -> NDArray:
    """Return a small uint16 frame, no two values alike."""
    return np.random.default_rng(1).permutation(24 * 32).reshape(24, 32).astype(np.uint16) * 80


# Colour


@pytest.mark.parametrize("pattern", ["RGGB", "GRBG", "GBRG", "BGGR"])
def test_the_colours_of_every_pattern_are_right(tmp_path: Path, pattern: str) -> None:
    scene = np.empty((20, 26, 3), np.uint16)
    scene[:] = (5000, 300, 40)
    scene[:, 13:] = (100, 7000, 20000)
    path = write(tmp_path / "scene.fits", mosaic_of(scene, pattern), BAYERPAT=pattern)
    pixels = read_frame(path).pixels
    assert look_at_frame(path).bayer_pattern == pattern
    # Away from the step between the two halves, every pixel has its half's colour.
    quantum = (20000 - 40) / 65535
    assert np.abs(pixels[:, :11] - (5000, 300, 40)).max() <= quantum
    assert np.abs(pixels[:, 15:] - (100, 7000, 20000)).max() <= quantum


@pytest.mark.parametrize("pattern", ["RGGB", "GRBG", "GBRG", "BGGR"])
def test_debayering_is_bilinear(tmp_path: Path, ramp: NDArray, pattern: str) -> None:
    pixels = read_frame(write(tmp_path / "a.fit", ramp, BAYERPAT=pattern)).pixels
    expected = plain_bilinear(ramp, pattern)[1:-1, 1:-1]
    quantum = (float(ramp.max()) - float(ramp.min())) / 65535
    assert np.abs(pixels[1:-1, 1:-1] - expected).max() <= 1.5 * quantum


@pytest.mark.parametrize(
    ("cards", "pattern"),
    [
        ({}, "GRBG"),
        ({"BAYERPAT": "RGGB"}, "RGGB"),
        ({"BAYERPAT": " bggr "}, "BGGR"),
        ({"CFAIMAGE": "GBRG"}, "GBRG"),
        ({"BAYERPAT": "RGGB", "CFAIMAGE": "GBRG"}, "RGGB"),
        ({"BAYERPAT": "XTRANS"}, "GRBG"),
        ({"BAYERPAT": 7}, "GRBG"),
        ({"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}, "RGGB"),
    ],
)
def test_which_pattern_is_used(
    tmp_path: Path, ramp: NDArray, cards: dict[str, object], pattern: str
) -> None:
    path = write(tmp_path / "a.fit", ramp, **cards)
    assert look_at_frame(path).bayer_pattern == pattern
    plain = write(tmp_path / "plain.fit", ramp, BAYERPAT=pattern)
    assert np.array_equal(read_frame(path).pixels, read_frame(plain).pixels)


def test_the_values_keep_their_range_and_their_hot_pixels(tmp_path: Path) -> None:
    plane = np.random.default_rng(2).normal(900, 15, (30, 30)).round().astype(np.uint16)
    plane[10, 10] = 65535
    pixels = read_frame(write(tmp_path / "a.fit", plane)).pixels
    assert pixels.max() == 65535
    assert pixels.min() == plane.min()


@pytest.mark.parametrize("value", [0, 1234, 65535])
def test_a_constant_frame_stays_constant(tmp_path: Path, value: int) -> None:
    frame = read_frame(write(tmp_path / "a.fit", np.full((8, 9), value, np.uint16)))
    assert frame.pixels.shape == (8, 9, 3)
    assert (frame.pixels == value).all()
    assert frame.finite is None


@pytest.mark.parametrize("span", [1e-44, 1e-30, 1.0, 1e30, 6.8e38])
def test_the_smallest_and_the_largest_ranges_survive(tmp_path: Path, span: float) -> None:
    plane = np.zeros((8, 8), np.float32)
    plane[2:4] = span / 2
    plane[4:6] = -span / 2
    frame = read_frame(write(tmp_path / "a.fit", plane))
    assert np.isfinite(frame.pixels).all()
    assert frame.pixels.max() == pytest.approx(np.float32(span / 2), rel=1e-4)
    assert frame.pixels.min() == pytest.approx(np.float32(-span / 2), rel=1e-4)


# Storage


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (np.uint8, (0, 255)),
        (np.int16, (-32768, 32767)),
        (np.uint16, (0, 65535)),
        (np.int32, (-70000, 900000)),
        (np.uint32, (0, 3_000_000_000)),
        (np.float32, (-0.25, 1.5)),
        (np.float64, (-1e-3, 1e5)),
    ],
)
def test_every_storage_is_read_as_astropy_reads_it(
    tmp_path: Path, dtype: type, values: tuple[float, float]
) -> None:
    picture = np.linspace(*values, 3 * 6 * 7).reshape(3, 6, 7).astype(dtype)
    path = write(tmp_path / "a.fits", picture)
    pixels = read_frame(path).pixels
    assert pixels.dtype == np.float32
    assert pixels.flags.c_contiguous
    expected = np.moveaxis(np.asarray(fits.getdata(path)), 0, 2).astype(np.float32)
    assert np.array_equal(pixels, expected)


def scaled(path: Path, stored: NDArray, scale: float, zero: float) -> Path:
    """Write stored values with BSCALE and BZERO beside them."""
    write(path, stored)
    with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
        hdus[0].header["BSCALE"] = scale
        hdus[0].header["BZERO"] = zero
    return path


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_scaling_counts_for_signed_integers(tmp_path: Path, dtype: type) -> None:
    stored = np.arange(3 * 4 * 5).reshape(3, 4, 5).astype(dtype)
    pixels = read_frame(scaled(tmp_path / "a.fits", stored, 0.5, 100.0)).pixels
    assert np.array_equal(pixels, np.moveaxis(stored * 0.5 + 100, 0, 2).astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_scaling_does_not_count_for_other_storage(tmp_path: Path, dtype: type) -> None:
    stored = np.arange(3 * 4 * 5).reshape(3, 4, 5).astype(dtype)
    pixels = read_frame(scaled(tmp_path / "a.fits", stored, 0.5, 100.0)).pixels
    assert np.array_equal(pixels, np.moveaxis(stored, 0, 2))


def test_the_storage_of_a_mosaic_does_not_change_its_colours(tmp_path: Path, ramp: NDArray) -> None:
    expected = read_frame(write(tmp_path / "u16.fit", ramp)).pixels
    for dtype in (np.int32, np.float32, np.float64):
        pixels = read_frame(write(tmp_path / f"{dtype.__name__}.fit", ramp.astype(dtype))).pixels
        assert np.array_equal(pixels, expected)


# Axes


@pytest.mark.parametrize("shape", [(3, 5, 7), (5, 7, 3), (3, 7, 3)])
def test_the_channels_come_last(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    path = write(tmp_path / "a.fits", data)
    expected = np.moveaxis(data, 0, 2) if shape[0] == 3 else data
    info = look_at_frame(path)
    assert info.shape == expected.shape[:2]
    assert (info.is_cfa, info.bayer_pattern) == (False, None)
    assert np.array_equal(read_frame(path).pixels, expected)


@pytest.mark.parametrize(
    "shape",
    [
        (9,),
        (1, 5, 7),
        (4, 5, 7),
        (5, 7, 1),
        (5, 7, 4),
        (5, 6, 7),
        (1, 7, 3),
        (4, 7, 3),
        (1, 3, 5, 7),
    ],
)
def test_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write(tmp_path / "a.fits", np.zeros(shape, np.float32))
    for look in (look_at_frame, read_frame):
        with pytest.raises(FrameShapeError) as caught:
            look(path)
        assert str(path) in str(caught.value)
        assert " × ".join(map(str, shape)) in str(caught.value) or len(shape) == 1


@pytest.mark.parametrize("shape", [(2, 9), (9, 2), (1, 1)])
def test_a_mosaic_too_small_to_debayer_is_refused(tmp_path: Path, shape: tuple[int, int]) -> None:
    with pytest.raises(FrameShapeError, match="too few to debayer"):
        look_at_frame(write(tmp_path / "a.fits", np.zeros(shape, np.uint16)))


# Which HDU


def test_the_first_hdu_is_taken_if_it_holds_an_image(tmp_path: Path) -> None:
    first, other = np.full((4, 5), 1, np.int16), np.full((6, 7), 2, np.int16)
    hdus = [fits.PrimaryHDU(first), fits.ImageHDU(other, name="SCI")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    assert look_at_frame(tmp_path / "a.fits").shape == (4, 5)


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["MASK", "SCI"], 1),
        (["MASK", "IMAGE"], 1),
        (["IMAGE", "SCI"], 1),
        (["MASK", "image"], 1),
        (["MASK", "OTHER"], 0),
    ],
)
def test_else_the_hdu_is_chosen_by_name(tmp_path: Path, names: list[str], taken: int) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(900))])
    images = [
        fits.ImageHDU(np.full((4 + number, 5), number, np.int16), name=name)
        for number, name in enumerate(names)
    ]
    primary = fits.PrimaryHDU()
    primary.header["FILTER"] = "LP"
    fits.HDUList([primary, table, *images]).writeto(tmp_path / "a.fits")
    info = look_at_frame(tmp_path / "a.fits")
    assert info.shape == (4 + taken, 5)
    assert info.filter == "LP"  # the first header speaks for those behind it
    assert (read_frame(tmp_path / "a.fits").pixels == taken).all()


def test_a_file_without_an_image_is_refused(tmp_path: Path) -> None:
    fits.PrimaryHDU().writeto(tmp_path / "a.fits")
    with pytest.raises(FrameUnreadableError, match="holds no image"):
        look_at_frame(tmp_path / "a.fits")


# Packed files


def test_a_gzipped_frame_is_the_same(tmp_path: Path, ramp: NDArray) -> None:
    plain = write(tmp_path / "a.fit", ramp, FILTER="IRCUT")
    packed = tmp_path / "a.fit.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert np.array_equal(read_frame(packed).pixels, read_frame(plain).pixels)
    assert look_at_frame(packed).shape == look_at_frame(plain).shape
    assert look_at_frame(packed).filter == "IRCUT"


def test_looking_at_a_gzipped_frame_does_not_unpack_its_pixels(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.fit", np.random.default_rng(4).normal(size=(400, 400)))
    content = gzip.compress(plain.read_bytes())
    cut = tmp_path / "cut.fit.gz"
    cut.write_bytes(content[: len(content) // 2])
    assert look_at_frame(cut).shape == (400, 400)
    with pytest.raises(FrameUnreadableError, match="damaged or cut short"):
        read_frame(cut)


@pytest.mark.parametrize("method", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
@pytest.mark.parametrize("kind", ["uint16", "int16", "rgb"])
def test_a_tile_compressed_frame_is_the_same(
    tmp_path: Path, ramp: NDArray, method: str, kind: str
) -> None:
    data = np.stack([ramp, ramp // 2, ramp // 3]) if kind == "rgb" else ramp
    if kind == "int16":
        data = (data // 4).astype(np.int16)
    plain = write(tmp_path / "a.fits", data)
    packed = tmp_path / "a.fits.fz"
    tile = (1,) * (data.ndim - 2) + (16, 32)
    compressed = fits.CompImageHDU(data, compression_type=method, tile_shape=tile)
    compressed.header["BAYERPAT"] = "RGGB"
    compressed.header["DATE-OBS"] = "2025-03-27T01:20:32"
    fits.HDUList([fits.PrimaryHDU(), compressed]).writeto(packed)
    info = look_at_frame(packed)
    assert (info.shape, info.is_cfa) == ((24, 32), kind != "rgb")
    assert info.date == datetime(2025, 3, 27, 1, 20, 32, tzinfo=UTC)
    if kind == "rgb":
        assert np.array_equal(read_frame(packed).pixels, read_frame(plain).pixels)
    else:
        same = write(tmp_path / "b.fits", data, BAYERPAT="RGGB")
        assert np.array_equal(read_frame(packed).pixels, read_frame(same).pixels)


def test_a_tile_compressed_frame_may_be_gzipped_too(tmp_path: Path, ramp: NDArray) -> None:
    plain, packed = write(tmp_path / "a.fits", ramp), tmp_path / "a.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(ramp)]).writeto(packed)
    (tmp_path / "a.fits.gz").write_bytes(gzip.compress(packed.read_bytes()))
    assert np.array_equal(read_frame(tmp_path / "a.fits.gz").pixels, read_frame(plain).pixels)


def test_a_compression_for_masks_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "a.fz"
    data = np.ones((16, 16), np.int16)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data)]).writeto(packed)
    content = packed.read_bytes()
    packed.write_bytes(content.replace(b"'RICE_1  '", b"'PLIO_1  '"))
    with pytest.raises(FrameUnreadableError, match="PLIO_1"):
        read_frame(packed)


# Values that are not finite


def test_non_finite_values_become_zero_and_are_remembered(tmp_path: Path) -> None:
    data = np.ones((5, 6, 3), np.float32)
    data[1, 2, 0], data[3, 4, 1], data[0, 0, 2] = np.nan, np.inf, -np.inf
    frame = read_frame(write(tmp_path / "a.fits", data))
    assert frame.finite is not None
    assert sorted(map(tuple, np.argwhere(~frame.finite))) == [(0, 0), (1, 2), (3, 4)]
    assert (frame.pixels == np.where(np.isfinite(data), data, 0)).all()


@pytest.mark.parametrize(
    "place", [(10, 9), (0, 0), (2, 2), (1, 12), (19, 19), (17, 3), (17, 12), (8, 17), (8, 2)]
)
def test_finite_marks_all_that_debayering_spreads_a_hole_to(
    tmp_path: Path, place: tuple[int, int]
) -> None:
    """Where a changed value changes the picture, a hole at its place would too."""
    generator = np.random.default_rng(5)
    plane = generator.uniform(1000, 2000, (20, 20)).astype(np.float32)
    plane[5, 5], plane[14, 14] = 0.0, 4000.0  # fix the range that is stretched
    changed = plane.copy()
    changed[place] += 500
    differs = (
        read_frame(write(tmp_path / "a.fits", plane)).pixels
        != read_frame(write(tmp_path / "b.fits", changed)).pixels
    ).any(axis=2)
    plane[place] = np.nan
    frame = read_frame(write(tmp_path / "hole.fits", plane))
    assert frame.finite is not None
    assert not (differs & frame.finite).any()
    assert (~frame.finite).sum() <= 16
    assert np.isfinite(frame.pixels).all()


def test_a_frame_of_nothing_but_nan_is_zero(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path / "a.fits", np.full((6, 6), np.nan, np.float32)))
    assert (frame.pixels == 0).all()
    assert frame.finite is not None
    assert not frame.finite.any()


def test_float64_values_beyond_float32_count_as_not_finite(tmp_path: Path) -> None:
    data = np.ones((3, 4, 5))
    data[0, 1, 2] = 1e300
    frame = read_frame(write(tmp_path / "a.fits", data))
    assert frame.finite is not None
    assert np.argwhere(~frame.finite).tolist() == [[1, 2]]


# ZeMosaic's caches


def test_a_cache_is_read_as_it_is(tmp_path: Path) -> None:
    data = np.random.default_rng(6).normal(size=(5, 7, 3)).astype(np.float32)
    np.save(tmp_path / "preprocessed_a_3.npy", data)
    info = look_at_frame(tmp_path / "preprocessed_a_3.npy")
    assert (info.shape, info.is_cfa, info.bayer_pattern) == ((5, 7), False, None)
    assert (info.date, info.filter, info.mount, info.wcs_header) == (None, None, "UNKNOWN", None)
    frame = read_frame(tmp_path / "preprocessed_a_3.npy")
    assert np.array_equal(frame.pixels, data)
    assert frame.pixels.flags.writeable


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7), (5, 7, 4), (5, 7, 1), (), (0, 7, 3)])
def test_a_cache_of_another_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
    for look in (look_at_frame, read_frame):
        with pytest.raises(FrameShapeError):
            look(tmp_path / "a.npy")


def test_a_cached_frame_is_known_by_its_raw_and_described_by_its_header(tmp_path: Path) -> None:
    raw = write(
        tmp_path / "a.fit",
        np.ones((5, 7), np.uint16),
        DATE__OBS="2025-03-26T22:00:00",
        EQMODE=1,
        CREATOR="ZWO Seestar S50",
        EXPTIME=10.0,
        CTYPE1="RA---TAN",
        CTYPE2="DEC--TAN",
        CRVAL1=10.0,
        CRVAL2=40.0,
        CRPIX1=3.0,
        CRPIX2=2.0,
        CD1_1=-1e-3,
        CD1_2=0.0,
        CD2_1=0.0,
        CD2_2=1e-3,
    )
    cache = tmp_path / "preprocessed_a_3.npy"
    np.save(cache, read_frame(raw).pixels)
    plain = look_at_frame(raw)
    header = fits.getheader(raw).tostring(sep="\n", endcard=False, padding=False)
    for text in (header, "\n".join(line.rstrip() for line in header.split("\n"))):
        info = look_at_cached_frame(raw, cache, text)
        assert (info.path, info.pixels_path, info.source) == (raw, cache, cache)
        assert (info.is_cfa, info.bayer_pattern, info.shape) == (False, None, (5, 7))
        assert info.size_bytes == cache.stat().st_size
        for name in ("date", "mount", "creator", "exposure_s", "wcs_header", "direction"):
            assert getattr(info, name) == getattr(plain, name) is not None
    assert plain.source == raw


@pytest.mark.parametrize("text", ["", "\n\n", "x" * 10_000, "END", "EQMODE  =\nCTYPE1  = 'RA"])
def test_a_cached_frame_survives_any_header(tmp_path: Path, text: str) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 7, 3), np.float32))
    info = look_at_cached_frame("/gone/a.fit", tmp_path / "a.npy", text)
    assert (info.path, info.mount, info.wcs_header) == (Path("/gone/a.fit"), "UNKNOWN", None)


def test_a_cache_that_is_a_frame_of_another_kind_is_refused(tmp_path: Path) -> None:
    raw = write(tmp_path / "a.npy", np.ones((5, 7), np.uint16))
    with pytest.raises(FrameUnreadableError, match="not one of ZeMosaic's"):
        look_at_cached_frame(raw, raw, "")


@pytest.mark.parametrize(
    ("word", "mount"),
    [("1", "EQ"), (" eq ", "EQ"), ("Alt-Az", "ALT_AZ"), ("0", "ALT_AZ"), ("", None), ("2", None)],
)
def test_the_words_for_mounts(word: str, mount: str | None) -> None:
    assert mount_of_word(word) == mount


class _Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.sprung,)


def test_pickled_data_are_never_opened(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    np.save(tmp_path / "objects.npy", np.array([_Trap(sprung)], object), allow_pickle=True)
    (tmp_path / "pickle.npy").write_bytes(pickle.dumps(_Trap(sprung)))
    for name in ("objects.npy", "pickle.npy"):
        for look in (look_at_frame, read_frame):
            with pytest.raises(FrameUnreadableError) as caught:
                look(tmp_path / name)
            assert "pickled" in caught.value.reason
    assert not sprung.exists()


@pytest.mark.parametrize("dtype", ["complex64", "bool", "U4", "M8[s]"])
def test_a_cache_of_other_values_is_refused(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 4, 3), dtype))
    with pytest.raises(FrameUnreadableError, match="float32"):
        look_at_frame(tmp_path / "a.npy")


# What a header says


def test_a_real_header_is_read(real_frames: list[Path]) -> None:
    info = look_at_frame(real_frames[0])
    assert info.shape == (1920, 1080)
    assert (info.is_cfa, info.bayer_pattern) == (True, "GRBG")
    assert info.date == datetime(2025, 3, 27, 1, 20, 32, 955368, tzinfo=UTC)
    assert info.night == date(2025, 3, 26)
    assert (info.filter, info.exposure_s) == ("IRCUT", 10.0)
    assert (info.instrument, info.object_name) == ("Seestar S50", "M 94")
    assert (info.mount, info.wcs_header, info.direction) == ("UNKNOWN", None, None)
    assert info.path == real_frames[0]
    assert info.size_bytes == real_frames[0].stat().st_size


def test_the_stretch_is_rounded_to_16_bit(tmp_path: Path) -> None:
    plane = np.random.default_rng(11).normal(0, 1e6, (20, 20))
    low, high = plane.astype(np.float32).min(), plane.astype(np.float32).max()
    pixels = read_frame(write(tmp_path / "a.fits", plane.astype(np.float32))).pixels
    step = (float(high) - float(low)) / 65535
    green = plane.astype(np.float32).astype(float)[2:-2:2, 2:-2:2]
    expected = np.rint((green - low) / step) * step + low
    assert np.abs(pixels[2:-2:2, 2:-2:2, 1] - expected).max() <= step / 50


def test_a_real_frame_is_read(real_frames: list[Path]) -> None:
    frame = read_frame(real_frames[0])
    raw = np.asarray(fits.getdata(real_frames[0]))
    assert frame.pixels.shape == (1920, 1080, 3)
    assert frame.finite is None
    quantum = (float(raw.max()) - float(raw.min())) / 65535
    # GRBG: green on the even diagonal, red to its right, blue below.
    assert np.abs(frame.pixels[2:-2:2, 2:-2:2, 1] - raw[2:-2:2, 2:-2:2]).max() <= quantum
    assert np.abs(frame.pixels[2:-2:2, 3:-2:2, 0] - raw[2:-2:2, 3:-2:2]).max() <= quantum
    assert np.abs(frame.pixels[3:-2:2, 2:-2:2, 2] - raw[3:-2:2, 2:-2:2]).max() <= quantum


@pytest.mark.parametrize(
    ("text", "moment", "night"),
    [
        (
            "2025-03-27T01:20:32.955368",
            datetime(2025, 3, 27, 1, 20, 32, 955368, UTC),
            date(2025, 3, 26),
        ),
        ("2025-03-27T01:20:32Z", datetime(2025, 3, 27, 1, 20, 32, 0, UTC), date(2025, 3, 26)),
        ("2025-03-27T12:00:00", datetime(2025, 3, 27, 12, tzinfo=UTC), date(2025, 3, 27)),
        (
            "2025-03-27T11:59:59.9",
            datetime(2025, 3, 27, 11, 59, 59, 900000, UTC),
            date(2025, 3, 26),
        ),
        ("2025-03-27T03:00:00+02:00", datetime(2025, 3, 27, 1, tzinfo=UTC), date(2025, 3, 26)),
        ("2025-03-27", datetime(2025, 3, 27, tzinfo=UTC), date(2025, 3, 26)),
        ("0001-01-01T00:00:00", datetime(1, 1, 1, tzinfo=UTC), None),
        ("0001-01-01T00:00:00+09:00", None, None),
        ("yesterday", None, None),
        ("", None, None),
        (20250327.5, None, None),
        (True, None, None),
    ],
)
def test_dates_and_nights(
    tmp_path: Path, ramp: NDArray, text: object, moment: datetime | None, night: date | None
) -> None:
    info = look_at_frame(write(tmp_path / "a.fit", ramp, DATE__OBS=text))
    assert info.date == moment
    assert info.night == night


@pytest.mark.parametrize(
    ("cards", "mount"),
    [
        ({}, "UNKNOWN"),
        *[({"EQMODE": word}, "EQ") for word in (1, "1", "EQ", "eq", " Equatorial ")],
        *[({"EQMODE": word}, "ALT_AZ") for word in (0, "0", "ALT_AZ", "alt-az", "Alt Az", "altaz")],
        *[({"EQMODE": word}, "UNKNOWN") for word in (2, "fork", "", True)],
        ({"HIERARCH MOUNT_MODE": "ALTAZ", "EQMODE": 1}, "ALT_AZ"),
        ({"HIERARCH MOUNT_MODE": "?", "EQMODE": 1}, "EQ"),
    ],
)
def test_mount_words(tmp_path: Path, ramp: NDArray, cards: dict[str, object], mount: str) -> None:
    assert look_at_frame(write(tmp_path / "a.fit", ramp, **cards)).mount == mount


@pytest.mark.parametrize(
    ("cards", "seconds"),
    [
        ({"EXPTIME": 10.0, "EXPOSURE": 20.0}, 10.0),
        ({"EXPOSURE": 20}, 20.0),
        ({"EXPTIME": "ten", "EXPOSURE": 20}, 20.0),
        ({"EXPTIME": -1.0}, None),
        ({"EXPTIME": True}, None),
        ({}, None),
    ],
)
def test_exposure(
    tmp_path: Path, ramp: NDArray, cards: dict[str, object], seconds: float | None
) -> None:
    assert look_at_frame(write(tmp_path / "a.fit", ramp, **cards)).exposure_s == seconds


@few_examples
@given(
    value=st.one_of(
        st.booleans(),
        st.integers(-(10**18), 10**18),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    )
)
def test_cards_are_parsed_as_astropy_parses_them(value: bool | int | float | str) -> None:
    image = str(fits.Card("FILTER", value, "a / comment's end"))
    theirs = fits.Card.fromstring(image).value
    assert frames._parse_card(image[:80]) == ("FILTER", theirs)


# WCS


def solved(scale: float = 2.4, **changes: object) -> dict[str, object]:
    """Return the cards of a good WCS of `scale` arc seconds a pixel, rotated by 30°."""
    step = scale / 3600
    cards: dict[str, object] = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 192.7,
        "CRVAL2": 41.1,
        "CRPIX1": 10.0,
        "CRPIX2": 4.0,
        "CD1_1": -step * np.cos(0.5),
        "CD1_2": step * np.sin(0.5),
        "CD2_1": step * np.sin(0.5),
        "CD2_2": step * np.cos(0.5),
    }
    cards.update(changes)
    return {keyword: value for keyword, value in cards.items() if value is not None}


WITHOUT_CD = {"CD1_1": None, "CD1_2": None, "CD2_1": None, "CD2_2": None}
UNIT_PC = {"PC1_1": 1.0, "PC1_2": 0.0, "PC2_1": 0.0, "PC2_2": 1.0}
STEPS = {"CDELT1": -0.0006, "CDELT2": 0.0006}


@pytest.mark.parametrize(
    "cards",
    [
        solved(),
        solved(0.301),
        solved(15.0),
        solved(**WITHOUT_CD, **UNIT_PC, **STEPS),
        solved(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN"),
        solved(RADECSYS="FK5", EQUINOX=2000.0, DATE__OBS="2025-03-27T01:20:32"),
    ],
)
def test_a_good_wcs_is_kept(tmp_path: Path, ramp: NDArray, cards: dict[str, object]) -> None:
    info = look_at_frame(write(tmp_path / "a.fit", ramp, **cards))
    assert info.wcs_header is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(fits.Header.fromstring(info.wcs_header, sep="\n"))
    lon, lat = np.radians(wcs.wcs_pix2world([[32 / 2, 24 / 2]], 0)[0])
    expected = (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    assert info.direction == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    "cards",
    [
        {},
        solved(0.3),
        solved(0.29),
        solved(15.1),
        solved(CTYPE1=None),
        solved(CTYPE1="LINEAR", CTYPE2="LINEAR"),
        solved(CTYPE2="RA---TAN"),
        solved(CTYPE1="RA---XYZ", CTYPE2="DEC--XYZ"),
        solved(CRVAL2=None),
        solved(CRVAL1="twelve"),
        solved(CRPIX1=None),
        solved(CD1_2=None),
        solved(**WITHOUT_CD, **STEPS),
        solved(**WITHOUT_CD, **UNIT_PC),
        solved(**WITHOUT_CD, **{**UNIT_PC, "PC2_1": None}, **STEPS),
        solved(CD1_1=0.0, CD1_2=0.0, CD2_1=0.0, CD2_2=0.0),
        solved(CTYPE1="RA---SIN", CTYPE2="DEC--SIN", CRPIX1=1e9),  # off the sky
    ],
)
def test_a_wcs_that_zemosaic_would_not_accept_is_dropped(
    tmp_path: Path, ramp: NDArray, cards: dict[str, object]
) -> None:
    info = look_at_frame(write(tmp_path / "a.fit", ramp, **cards))
    assert (info.wcs_header, info.direction) == (None, None)


@pytest.mark.parametrize("step", [8.3333333333333e-05, 8.3333333333334e-05])
def test_a_scale_of_the_lower_end_is_refused_however_it_is_rounded(
    tmp_path: Path, ramp: NDArray, step: float
) -> None:
    matrix = {"CD1_1": -step, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": step}
    info = look_at_frame(write(tmp_path / "a.fit", ramp, **solved(**matrix)))
    assert info.wcs_header is None


@pytest.mark.parametrize("suffix", ["", "-SIP"])
def test_a_distorted_wcs_is_kept_in_silence(
    tmp_path: Path, ramp: NDArray, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    cards = solved(CTYPE1="RA---TAN" + suffix, CTYPE2="DEC--TAN" + suffix)
    cards |= {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-4, "B_0_2": -1e-4}
    info = look_at_frame(write(tmp_path / "a.fit", ramp, **cards))
    assert info.wcs_header is not None
    assert WCS(fits.Header.fromstring(info.wcs_header, sep="\n")).sip is not None
    assert capfd.readouterr() == ("", "")


def test_the_wcs_of_a_colour_frame_has_two_axes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", np.ones((3, 20, 30), np.float32), **solved())
    info = look_at_frame(path)
    assert info.wcs_header is not None
    assert WCS(fits.Header.fromstring(info.wcs_header, sep="\n")).naxis == 2


def test_threads_looking_at_once_hear_no_warning(tmp_path: Path, ramp: NDArray) -> None:
    cards = solved(RADECSYS="FK5", EQUINOX=2000.0)  # astropy warns of the old keyword
    path = write(tmp_path / "a.fit", ramp, **cards)
    with ThreadPoolExecutor(8) as pool:
        infos = list(pool.map(look_at_frame, [path] * 64))
    assert all(info.wcs_header is not None for info in infos)


# Luminance


def test_luminance_is_the_mean_of_the_channels() -> None:
    pixels = np.random.default_rng(7).uniform(0, 65535, (50, 60, 3)).astype(np.float32)
    mean = pixels.mean(axis=2, dtype=np.float64)
    result = luminance(pixels)
    assert result.shape == (50, 60)
    assert result.dtype == np.float32
    assert (np.abs(result - mean) <= 3e-7 * mean).all()


# Bad files

GOOD_CARDS = [
    "SIMPLE  =                    T",
    "BITPIX  =                   16",
    "NAXIS   =                    2",
]


def size_cards(width: object, height: object) -> list[str]:
    return [f"NAXIS1  = {width!s:>20}", f"NAXIS2  = {height!s:>20}"]


def bad_missing(folder: Path) -> Path:
    return folder / "missing.fit"


def bad_folder(folder: Path) -> Path:
    (folder / "folder.fit").mkdir()
    return folder / "folder.fit"


def bad_empty(folder: Path) -> Path:
    (folder / "empty.fit").touch()
    return folder / "empty.fit"


def bad_text(folder: Path) -> Path:
    (folder / "text.fit").write_text("These are my notes of that night.\n" * 200)
    return folder / "text.fit"


def bad_cut_header(folder: Path) -> Path:
    path = write(folder / "a.fit", np.zeros((40, 40), np.uint16))
    path.write_bytes(path.read_bytes()[:1000].replace(b"END", b"   "))
    return path


def bad_no_end(folder: Path) -> Path:
    text = "".join(card.ljust(80) for card in [*GOOD_CARDS, *size_cards(40, 40)])
    (folder / "a.fit").write_bytes(text.ljust(5 * BLOCK).encode())
    return folder / "a.fit"


def bad_cut_pixels(folder: Path) -> Path:
    path = write(folder / "a.fit", np.zeros((40, 40), np.uint16))
    path.write_bytes(path.read_bytes()[: BLOCK + 40 * 40 * 2 - 1])
    return path


def bad_cut_npy(folder: Path) -> Path:
    np.save(folder / "a.npy", np.zeros((8, 8, 3), np.float32))
    (folder / "a.npy").write_bytes((folder / "a.npy").read_bytes()[:-1])
    return folder / "a.npy"


def bad_cut_npy_header(folder: Path) -> Path:
    np.save(folder / "a.npy", np.zeros((8, 8, 3), np.float32))
    (folder / "a.npy").write_bytes((folder / "a.npy").read_bytes()[:40])
    return folder / "a.npy"


def bad_npy_header(folder: Path) -> Path:
    np.save(folder / "a.npy", np.zeros((8, 8, 3), np.float32))
    content = (folder / "a.npy").read_bytes().replace(b"}", b"(")
    (folder / "a.npy").write_bytes(content)
    return folder / "a.npy"


def bad_npy_version(folder: Path) -> Path:
    (folder / "a.npy").write_bytes(b"\x93NUMPY\x09\x00" + bytes(200))
    return folder / "a.npy"


def bad_npy_name(folder: Path) -> Path:
    (folder / "a.npy").write_text("no array")
    return folder / "a.npy"


def bad_compressed(folder: Path) -> Path:
    data = np.random.default_rng(8).integers(0, 9000, (60, 60)).astype(np.int16)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data)]).writeto(folder / "a.fz")
    (folder / "a.fz").write_bytes((folder / "a.fz").read_bytes()[:-BLOCK])
    return folder / "a.fz"


def bad_gzip(folder: Path) -> Path:
    plain = write(folder / "a.fit", np.random.default_rng(9).normal(size=(40, 40)))
    content = bytearray(gzip.compress(plain.read_bytes()))
    content[12:60] = bytes(48)
    (folder / "a.fit.gz").write_bytes(content)
    return folder / "a.fit.gz"


def bad_gzip_of_short_frame(folder: Path) -> Path:
    plain = write(folder / "a.fit", np.zeros((400, 40), np.uint16))
    (folder / "a.fit.gz").write_bytes(gzip.compress(plain.read_bytes()[: 3 * BLOCK + 1]))
    return folder / "a.fit.gz"


def bad_bitpix(folder: Path) -> Path:
    cards = [GOOD_CARDS[0], "BITPIX  =                   17", GOOD_CARDS[2], *size_cards(4, 4)]
    return with_cards(folder / "a.fit", cards, bytes(BLOCK))


def bad_negative_axis(folder: Path) -> Path:
    return with_cards(folder / "a.fit", [*GOOD_CARDS, *size_cards(-4, 4)], bytes(BLOCK))


def bad_missing_axis(folder: Path) -> Path:
    return with_cards(folder / "a.fit", [*GOOD_CARDS, *size_cards(4, 4)[:1]], bytes(BLOCK))


def bad_axis_word(folder: Path) -> Path:
    return with_cards(folder / "a.fit", [*GOOD_CARDS, *size_cards("many", 4)], bytes(BLOCK))


BAD_FILES = [value for name, value in sorted(globals().items()) if name.startswith("bad_")]


@pytest.mark.parametrize("make", BAD_FILES, ids=lambda make: make.__name__)
def test_a_bad_file_is_a_clear_error(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    with pytest.raises(FrameUnreadableError) as caught:
        read_frame(path)
    assert str(path) in str(caught.value)
    assert caught.value.path == str(path)
    if "gzip" not in make.__name__:  # the header is all that is unpacked of those
        with pytest.raises(FrameUnreadableError):
            look_at_frame(path)


def test_a_file_that_may_not_be_read(
    tmp_path: Path, ramp: NDArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.fit", ramp)

    def refuse(*_: object, **__: object) -> io.BytesIO:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(FrameUnreadableError, match="not permitted"):
        look_at_frame(path)


def test_a_path_that_cannot_be() -> None:
    with pytest.raises(FrameUnreadableError):
        look_at_frame("a\0b.fit")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("width", [10**6, 10**17])
def test_a_giant_is_refused_before_memory_is_taken(
    tmp_path: Path, packed: bool, width: int
) -> None:
    path = with_cards(tmp_path / "a.fit", [*GOOD_CARDS, *size_cards(width, 10**6)], bytes(BLOCK))
    if packed:
        content = gzip.compress(path.read_bytes())
        path = tmp_path / "a.fit.gz"
        path.write_bytes(content)
    for look in (look_at_frame, read_frame):
        with pytest.raises(FrameTooLargeError, match="million pixels"):
            look(path)


def test_a_giant_that_is_tile_compressed_is_refused(tmp_path: Path) -> None:
    data = np.zeros((40, 40), np.int16)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data)]).writeto(tmp_path / "a.fz")
    content = (tmp_path / "a.fz").read_bytes()
    for keyword in (b"ZNAXIS1 ", b"ZNAXIS2 "):
        content = content.replace(
            keyword + b"=                   40", keyword + b"=              1000000"
        )
    (tmp_path / "a.fz").write_bytes(content)
    for look in (look_at_frame, read_frame):
        with pytest.raises(FrameTooLargeError):
            look(tmp_path / "a.fz")


def test_a_giant_cache_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "a.npy", "wb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6, 3)}
        np.lib.format.write_array_header_1_0(stream, header)
    for look in (look_at_frame, read_frame):
        with pytest.raises(FrameTooLargeError):
            look(tmp_path / "a.npy")


def test_a_frame_without_its_padding_is_whole(tmp_path: Path, ramp: NDArray) -> None:
    path = write(tmp_path / "a.fit", ramp)
    expected = read_frame(path).pixels
    path.write_bytes(path.read_bytes()[: BLOCK + ramp.nbytes])
    assert np.array_equal(read_frame(path).pixels, expected)


# Damage of every kind: a frame, or a clear error, and nothing else


def taken_or_refused(path: Path) -> None:
    for look in (look_at_frame, read_frame):
        try:
            result = look(path)
        except FrameError as error:
            assert error.path == str(path)
            assert error.reason
            continue
        if isinstance(result, Frame):
            assert result.pixels.ndim == 3
            assert result.pixels.shape[2] == 3
            assert np.isfinite(result.pixels).all()


@few_examples
@given(
    content=st.binary(max_size=400),
    start=st.sampled_from([b"", b"SIMPLE  =", b"\x93NUMPY", b"\x1f\x8b"]),
)
def test_any_bytes(tmp_path: Path, content: bytes, start: bytes) -> None:
    (tmp_path / "a.fit").write_bytes(start + content)
    taken_or_refused(tmp_path / "a.fit")


def good_files() -> dict[str, bytes]:
    """Return one small file of every kind."""
    generator = np.random.default_rng(10)
    plane = generator.integers(0, 60000, (12, 14)).astype(np.uint16)
    header = fits.Header()
    for keyword, value in {**solved(), "DATE-OBS": "2025-03-27T01:20:32", "EQMODE": 0}.items():
        header[keyword] = value

    def content(*hdus: fits.PrimaryHDU) -> bytes:
        stream = io.BytesIO()
        fits.HDUList(list(hdus)).writeto(stream)
        return stream.getvalue()

    plain = content(fits.PrimaryHDU(plane, header))
    cache = io.BytesIO()
    np.save(cache, generator.normal(size=(12, 14, 3)).astype(np.float32))
    return {
        "plain": plain,
        "float": content(fits.PrimaryHDU(plane.astype(np.float32), header)),
        "gzip": gzip.compress(plain, mtime=0),
        "rice": content(fits.PrimaryHDU(), fits.CompImageHDU(plane, header)),
        "cache": cache.getvalue(),
    }


GOOD_FILES = good_files()


@few_examples
@given(
    kind=st.sampled_from(sorted(GOOD_FILES)),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=6),
    # Most flips fall into a header, where they change what the bytes mean.
    reach=st.sampled_from([0.2, 0.5, 1.0]),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_any_damage(
    tmp_path: Path, kind: str, flips: list[tuple[float, int]], reach: float, kept: float
) -> None:
    content = bytearray(GOOD_FILES[kind])
    for place, bit in flips:
        content[int(place * reach * len(content))] ^= 1 << bit
    (tmp_path / "a.fit").write_bytes(content[: int(kept * len(content))])
    taken_or_refused(tmp_path / "a.fit")


@few_examples
@given(
    bitpix=st.sampled_from([8, 16, 32, 64, -32, -64, 0, 12, "'16'"]),
    axes=st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 7, -1, 10**9, "T", "1.5"]), max_size=5),
    extra=st.dictionaries(
        st.sampled_from(["BSCALE", "BZERO", "PCOUNT", "GCOUNT", "GROUPS", "BLANK", "EXPTIME"]),
        st.sampled_from(
            ["0", "1", "-1", "T", "1E300", "1D-300", "'x'", "99999999999999999999", "NaN", "1_0"]
        ),
    ),
    seed=st.integers(0, 99),
)
def test_any_header(
    tmp_path: Path, bitpix: object, axes: list[object], extra: dict[str, str], seed: int
) -> None:
    cards = [GOOD_CARDS[0], f"BITPIX  = {bitpix!s:>20}", f"NAXIS   = {len(axes):>20}"]
    cards += [f"NAXIS{number}  = {axis!s:>20}" for number, axis in enumerate(axes, 1)]
    cards += [f"{keyword:8}= {value:>20}" for keyword, value in extra.items()]
    path = with_cards(tmp_path / "a.fit", cards, np.random.default_rng(seed).bytes(2 * BLOCK))
    taken_or_refused(path)
