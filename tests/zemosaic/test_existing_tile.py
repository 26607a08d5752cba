"""Tiles that are there already, read and told."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_tiles import MILD, small_study, zemosaics_own

from napari_zecoverage.core.outcome import apply_mask, saved_alpha
from napari_zecoverage.zemosaic.existing_tile import MasterTileError, read_master_tile
from napari_zecoverage.zemosaic.master_tile import write_master_tile
from napari_zecoverage.zemosaic.tile_check import check_master_tile
from napari_zecoverage.zemosaic.tile_comparison import compare_master_tile


def test_zemosaics_cards_are_told_in_words(tmp_path) -> None:
    tile = read_master_tile(zemosaics_own(tmp_path / "t.fits"))
    told = "\n".join(tile.told)
    assert tile.tile_id == 4
    assert tile.shape == (64, 70)
    assert tile.wcs_header is None
    assert "Master Tile 4 of ZeMosaic" in told
    assert "5 frames were given to it; 5 of them aligned" in told
    assert "MT_NFRAMES = 5" in told
    assert "may be of fewer frames" in told
    assert "column 50, row 100" in told
    assert "rows 108 to 392 and columns 109 to 425" in told
    assert "rejection winsorized_sigma_clip" in told
    assert "reference frame is a.fit" in told
    assert "30 values were not finite" in told
    assert "multiplied by 1, 0.95, 1.05" in told
    assert "ALPHA shows 50.0%" in told
    assert "EMPTY" not in told


def test_empty_tile_is_told(tmp_path) -> None:
    assert "EMPTY" in "\n".join(
        read_master_tile(zemosaics_own(tmp_path / "t.fits", ZMT_EMPT=1)).told
    )


def test_round_trip(study, tmp_path) -> None:
    outcome = apply_mask(study, MILD)
    path = write_master_tile(tmp_path / "t.fits", study, outcome, tile_id=3)
    tile = read_master_tile(path)
    assert tile.tile_id == 3
    with fits.open(path) as hdus:
        assert np.array_equal(tile.pixels, np.moveaxis(hdus[0].data, 0, -1))
    assert tile.alpha is not None
    assert np.array_equal(tile.alpha, saved_alpha(outcome))
    assert "with the coverage mask, kept from 4 frames on" in tile.told[0]


def test_float_alpha_is_cut_as_zemosaic_does(tmp_path) -> None:
    path = zemosaics_own(tmp_path / "t.fits")
    with fits.open(path, mode="update") as hdus:
        hdus["ALPHA"].data = np.full((64, 70), 0.8, np.float32)
    alpha = read_master_tile(path).alpha
    assert alpha is not None
    assert not alpha.any()


@pytest.mark.parametrize(
    ("shape", "said"), [((64, 70), "three planes"), ((4, 64, 70), "three planes")]
)
def test_picture_of_other_axes(tmp_path, shape, said) -> None:
    path = tmp_path / "t.fits"
    fits.PrimaryHDU(np.ones(shape, np.float32)).writeto(path)
    with pytest.raises(MasterTileError, match=said):
        read_master_tile(path)


def test_alpha_of_another_size(tmp_path) -> None:
    path = zemosaics_own(tmp_path / "t.fits")
    with fits.open(path, mode="update") as hdus:
        hdus["ALPHA"].data = np.zeros((3, 3), np.uint8)
    with pytest.raises(MasterTileError, match="ALPHA is not of the size"):
        read_master_tile(path)


def test_compressed_tile(tmp_path) -> None:
    path = tmp_path / "t.fits"
    path.write_bytes(b"\x1f\x8b" + b"0" * 99)
    with pytest.raises(MasterTileError, match="compressed"):
        read_master_tile(path)


@pytest.fixture(scope="module")
def good_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    made = small_study()
    path = tmp_path_factory.mktemp("good") / "t.fits"
    return write_master_tile(path, made, apply_mask(made, MILD)).read_bytes()


SMALL = small_study()
VALUES = st.sampled_from(["-1", "0", "3", "999999999", "T", "'x'", "nan", "1E400", "''", ""])


@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damaged_tile_raises_nothing_else(good_bytes, tmp_path, data) -> None:
    content = bytearray(good_bytes)
    cards = [at for at in range(0, len(content), 80) if content[at + 8 : at + 10] == b"= "][:120]
    for at in data.draw(st.lists(st.sampled_from(cards), max_size=4), label="cards"):
        content[at + 10 : at + 80] = data.draw(VALUES, label="value").ljust(70).encode()
    for at in data.draw(st.lists(st.integers(0, 12000), max_size=4), label="bytes"):
        content[at] = data.draw(st.integers(0, 255), label="byte")
    length = data.draw(st.just(len(content)) | st.integers(0, len(content)), label="length")
    path = tmp_path / "damaged.fits"
    path.write_bytes(content[:length])
    problems = check_master_tile(path)
    assert all(isinstance(each, str) and each for each in problems)
    try:
        tile = read_master_tile(path)
    except MasterTileError as error:
        assert str(path) in str(error)
        assert problems
        return
    comparison = compare_master_tile(tile, SMALL, apply_mask(SMALL, MILD))
    assert comparison.text
    assert all(0 <= each <= 1 for each in (comparison.both, comparison.differs))
