"""The check of a tile finds what ZeMosaic would stumble over."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from made_tiles import MILD, small_study

from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.zemosaic.existing_tile import MasterTileError, read_master_tile
from napari_zecoverage.zemosaic.master_tile import write_master_tile
from napari_zecoverage.zemosaic.tile_check import check_master_tile, is_turned_over


@pytest.mark.parametrize(
    ("opaque", "turned"), [(0.47, True), (0.48, False), (0.0, True), (1.0, False)]
)
def test_turning_over_data_everywhere(opaque, turned) -> None:
    assert is_turned_over(opaque, 1.0) is turned


def change(hdus: fits.HDUList, what: str) -> None:
    header, alpha = hdus[0].header, hdus["ALPHA"]
    if what == "no alpha":
        del hdus["ALPHA"]
    elif what == "float alpha":
        hdus["ALPHA"].data = alpha.data.astype(np.float32) / 255
    elif what == "clear alpha":
        alpha.data[:] = 0
    elif what == "turned over":
        alpha.data[:] = 0
        alpha.data[:30] = 255
        hdus[0].data += 5
    elif what == "nan":
        hdus[0].data[0, 40, 40] = np.nan
    elif what == "empty":
        hdus[0].data[:] = 0
    elif what == "float64":
        hdus[0].data = hdus[0].data.astype(np.float64)
    elif what == "no wcs":
        del header["CRPIX1"]
    elif what == "missing terms":
        del header["CD1_2"]
    elif what == "coarse":
        for each in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
            header[each] *= 10
    elif what == "no weight":
        for each in ("MT_NFRAMES", "ZMT_NALGN", "ZMT_NRAW"):
            del header[each]
    elif what == "weight 0":
        header["MT_NFRAMES"] = 0
    elif what == "unsigned":
        hdus[0].data = np.nan_to_num(hdus[0].data).astype(np.uint16)
    elif what == "scaled alpha":
        hdus["ALPHA"].data = alpha.data.astype(np.uint16)
    elif what == "black":
        hdus[0].data[:, 40:60, 40:60] = 0
    else:
        raise AssertionError(what)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no alpha", "no ALPHA"),
        ("float alpha", "BITPIX -32; ZeMosaic cuts it to uint8"),
        ("clear alpha", "shows nothing"),
        ("turned over", "turn its ALPHA over"),
        ("nan", "not finite"),
        ("empty", "is empty"),
        ("float64", "BITPIX -64"),
        ("unsigned", "BITPIX 16, not float32"),
        ("scaled alpha", "Its ALPHA has BZERO 32768"),
        ("no wcs", "has no WCS"),
        ("missing terms", "leaves out terms"),
        ("coarse", "arc seconds a pixel"),
        ("no weight", "cannot weigh it"),
        ("weight 0", "MT_NFRAMES, which is 0"),
        ("black", "400 of its opaque pixels are black"),
    ],
)
def test_check_finds(tmp_path, what, said) -> None:
    made = small_study()
    path = write_master_tile(tmp_path / "t.fits", made, apply_mask(made, MILD))
    with fits.open(path, mode="update") as hdus:
        change(hdus, what)
    problems = check_master_tile(path)
    assert any(said in each for each in problems), problems
    # To whole numbers with a sign ZeMosaic does apply it.
    assert not any(each.startswith("It has BZERO") for each in problems)


@pytest.mark.parametrize("name", ["final_mosaic_1.fits", "zemosaic_MT.fits", "rejected/t.fits"])
def test_check_finds_names_that_are_passed_over(tmp_path, name) -> None:
    made = small_study()
    path = write_master_tile(tmp_path / name, made, apply_mask(made, MILD))
    assert any("passes over" in each for each in check_master_tile(path))


@pytest.mark.parametrize("content", [None, b"", b"text", b"SIMPLE  =" + b" " * 4000])
def test_check_of_no_tile(tmp_path, content) -> None:
    path = tmp_path / "t.fits"
    if content is not None:
        path.write_bytes(content)
    assert len(check_master_tile(path)) == 1
    with pytest.raises(MasterTileError) as caught:
        read_master_tile(path)
    assert str(path) in str(caught.value)
