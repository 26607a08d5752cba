"""Where a master tile lies on our canvas, and how it differs from ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from made_tiles import MILD, star_field, wcs_text

from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.existing_tile import MasterTile, read_master_tile
from napari_zecoverage.zemosaic.master_tile import write_master_tile
from napari_zecoverage.zemosaic.tile_comparison import compare_master_tile
from napari_zecoverage.zemosaic.tile_header import cropped_wcs
from napari_zecoverage.zemosaic.tile_place import place_master_tile

# --- its place -----------------------------------------------------------------------------


def cut_out(study: ClusterStudy, rect: Rect, **changes: Any) -> MasterTile:
    """What a tile of that rectangle of the canvas would be; it may reach beyond it."""
    assert study.tile is not None and study.wcs_header is not None
    height, width = rect.y1 - rect.y0, rect.x1 - rect.x0
    pixels = np.zeros((height, width, 3), np.float32)
    rows, columns = np.mgrid[rect.y0 : rect.y1, rect.x0 : rect.x1]
    inside = (rows >= 0) & (columns >= 0)
    inside &= (rows < study.canvas.shape[0]) & (columns < study.canvas.shape[1])
    pixels[inside] = np.nan_to_num(study.tile[rows[inside], columns[inside]])
    tile = MasterTile(
        path=Path("/t.fits"),
        pixels=pixels,
        alpha=np.where(pixels.any(axis=2), 255, 0).astype(np.uint8),
        wcs_header=str(
            cropped_wcs(study.wcs_header, rect).tostring(sep="\n", endcard=False, padding=False)
        ),
        cards={},
        alpha_cards={},
        tile_id=0,
        told=(),
    )
    return replace(tile, **changes)


RECTS = [
    Rect(0, 0, 454, 454),
    Rect(80, 60, 380, 400),
    Rect(130, 141, 333, 290),
    Rect(-40, -30, 300, 310),
    Rect(150, 170, 520, 560),
]


@pytest.mark.parametrize("rect", RECTS)
def test_place_by_crpix(study, rect) -> None:
    placement = place_master_tile(cut_out(study, rect), study)
    assert (placement.rect, placement.method, placement.confidence) == (rect, "CRPIX", 1.0)


@pytest.mark.parametrize("rect", RECTS)
def test_place_by_stars(study, rect) -> None:
    placement = place_master_tile(cut_out(study, rect, wcs_header=None), study)
    assert placement.rect == rect
    assert placement.method == "correlation"
    assert placement.confidence > 0.9


def test_place_by_stars_in_a_large_picture(study) -> None:
    """Larger than the pictures in which it is sought first; noise and colours of its own."""
    canvas = Canvas((1700, 1900), (0, 0), (1700, 1900))
    big = replace(study, canvas=canvas, coverage=None, tile=star_field((1700, 1900), seed=5))
    rect = Rect(103, 211, 1404, 1618)
    tile = cut_out(big, rect, wcs_header=None)
    noisy = tile.pixels * (0.5, 0.7, 0.9) + np.random.default_rng(2).normal(90, 20, (1301, 1407, 3))
    placement = place_master_tile(replace(tile, pixels=noisy.astype(np.float32)), big)
    assert placement.rect == rect


def test_place_by_a_wcs_solved_anew(study) -> None:
    """Another reference point, the same sky: CRPIX alone would be wrong."""
    rect = Rect(80, 60, 380, 400)
    tile = cut_out(study, rect)
    assert tile.wcs_header is not None
    header = fits.Header.fromstring(tile.wcs_header, sep="\n")
    solved = WCS(header)
    header["CRVAL1"], header["CRVAL2"] = map(float, solved.all_pix2world([[100.0, 90.0]], 1)[0])
    header["CRPIX1"], header["CRPIX2"] = 100.0, 90.0
    text = str(header.tostring(sep="\n", endcard=False, padding=False))
    placement = place_master_tile(replace(tile, wcs_header=text), study)
    assert placement.method == "WCS"
    assert placement.rect == rect
    assert placement.confidence > 0.9


def test_turned_tile_has_no_place(study) -> None:
    tile = cut_out(study, Rect(80, 60, 380, 400), wcs_header=wcs_text(angle_deg=60))
    placement = place_master_tile(tile, study)
    assert placement.rect is None
    assert "turned" in placement.text
    comparison = compare_master_tile(tile, study, apply_mask(study, MILD))
    assert comparison.text == (placement.text,)
    assert comparison.sky is None


def test_tile_of_another_field_has_no_place(study) -> None:
    other = replace(study, tile=star_field(study.canvas.shape, seed=99))
    tile = cut_out(other, Rect(80, 60, 380, 400), wcs_header=None)
    placement = place_master_tile(tile, study)
    assert placement.rect is None
    assert placement.method == "not found"
    far = cut_out(study, Rect(5000, 5000, 5100, 5100))
    assert "outside" in place_master_tile(far, study).text


def test_place_without_a_picture(study) -> None:
    tile = cut_out(study, Rect(80, 60, 380, 400), wcs_header=None)
    assert "no stack" in place_master_tile(tile, replace(study, tile=None)).text
    dark = replace(tile, pixels=np.zeros_like(tile.pixels))
    assert "shows nothing" in place_master_tile(dark, study).text


# --- the difference ------------------------------------------------------------------------


def test_same_mask_same_tile(study, tmp_path) -> None:
    outcome = apply_mask(study, MILD)
    tile = read_master_tile(write_master_tile(tmp_path / "t.fits", study, outcome))
    comparison = compare_master_tile(tile, study, outcome)
    assert (comparison.both, comparison.differs) == (1.0, 0.0)
    assert comparison.placement.rect == outcome.saved_rect
    assert comparison.sky is not None
    base = fits.getheader(tile.path)["ZCBASE"]
    assert comparison.sky == pytest.approx((-base,) * 3, abs=1e-3)


def test_shares_and_sky_by_hand(study) -> None:
    rect = Rect(100, 90, 400, 300)
    tile = cut_out(study, rect)
    alpha = np.zeros(tile.shape, np.uint8)
    alpha[20:150, 10:120] = 200
    shifted = replace(tile, alpha=alpha, pixels=tile.pixels + np.float32([10, -5, 2]))
    outcome = apply_mask(study, MILD)
    theirs = np.zeros(study.canvas.shape, bool)
    theirs[120:250, 100:210] = True
    ours = np.zeros(study.canvas.shape, bool)
    saved = outcome.saved_rect.slices
    ours[saved] = outcome.opaque[saved]
    either = np.count_nonzero(theirs | ours)
    comparison = compare_master_tile(shifted, study, outcome)
    assert comparison.both == pytest.approx(np.count_nonzero(theirs & ours) / either)
    assert comparison.only_tile == pytest.approx(np.count_nonzero(theirs & ~ours) / either)
    assert comparison.only_ours == pytest.approx(np.count_nonzero(ours & ~theirs) / either)
    assert comparison.only_ours > 0.5
    assert comparison.sky == pytest.approx((10, -5, 2), abs=1e-3)
    assert "red is +15.0 ADU and its blue +7.0 ADU" in comparison.text[-1]


def test_comparison_without_a_mask(study) -> None:
    unknown = apply_mask(replace(study, tile=None, coverage=None), MILD)
    comparison = compare_master_tile(cut_out(study, RECTS[1]), study, unknown)
    assert "mask is not known" in comparison.text[-1]
