"""The picture in a file: its storage, its axes, its HDU, packed or not."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from frame_files import BLOCK, GOOD_CARDS, size_cards, with_cards, write
from numpy.typing import NDArray

from napari_zecoverage.core.errors import FrameShapeError, FrameTooLargeError, FrameUnreadableError
from napari_zecoverage.core.frames import look_at_frame, read_frame

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


# Sizes


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


@pytest.mark.parametrize("shape", [(-1, 4, 3), (-5, -4, 3), (6, -7)])
def test_negative_lengths_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "a.npy"
    with open(path, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(4 * 5 * 4 * 3))
    for read in (look_at_frame, read_frame):
        with pytest.raises(FrameShapeError, match="-"):
            read(path)
