"""Frames looked at and read: real ones, cached ones, bad ones, any at all."""

from __future__ import annotations

import gzip
import io
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from frame_files import (
    BLOCK,
    GOOD_CARDS,
    few_examples,
    size_cards,
    solved,
    taken_or_refused,
    with_cards,
    write,
)
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_zecoverage.core.errors import FrameShapeError, FrameUnreadableError
from napari_zecoverage.core.frames import look_at_cached_frame, look_at_frame, read_frame

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


# Bad files


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


# Damage of every kind: a frame, or a clear error, and nothing else


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
