"""The header of a tile: every card is true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from astropy.io import fits
from made_tiles import MILD, make_frame, make_study

from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.zemosaic.master_tile import write_master_tile
from napari_zecoverage.zemosaic.tile_check import check_master_tile
from napari_zecoverage.zemosaic.tile_header import PARAMETER_CARDS


def test_cards_are_true(study, tmp_path) -> None:
    outcome = apply_mask(study, MILD)
    path = write_master_tile(tmp_path / "t.fits", study, outcome, tile_id=7)
    header = fits.getheader(path)
    assert header["ZMT_TYPE"] == "Master Tile"
    assert header["ZMT_ID"] == 7
    assert (header["ZMT_NRAW"], header["ZMT_NALGN"], header["MT_NFRAMES"]) == (8, 8, 8)
    assert header["ZMT_PAD"] is True
    assert (header["ZMT_PADY"], header["ZMT_PADX"]) == study.canvas.offset
    assert header["ZMT_PADHW"] == "300,340->454,454"
    assert header["ZMT_REF"] == "frame_0.fit"
    assert header["ALPHAEXT"] == 1
    assert header["EXPTOTAL"] == 80
    assert (header["OBJECT"], header["FILTER"]) == ("M 94", "IRCUT")
    assert header["DATE-OBS"] == "2025-03-26T22:00:00.000"
    assert header["ZCSAVED"] == ",".join(map(str, outcome.saved_rect))
    for name, card in PARAMETER_CARDS.items():
        assert header[card] == getattr(MILD, name)
    history = " ".join(header["HISTORY"])
    assert "8 frames were stacked" in history
    assert f"{header['ZCBASE']:.6f} ADU were taken off" in history


def test_repeats_do_not_weigh(tmp_path) -> None:
    """ZeMosaic says 5 for a cluster of 2; that would make it as heavy as one of 5."""
    made = make_study(frames=2)
    header = fits.getheader(write_master_tile(tmp_path / "t.fits", made, apply_mask(made, MILD)))
    assert (header["ZMT_NRAW"], header["MT_NFRAMES"], header["ZCNFRAME"]) == (2, 2, 5)
    assert header["EXPTOTAL"] == 20
    assert "coverage and stack are of 5" in " ".join(header["HISTORY"])


def test_frames_left_out_do_not_weigh(tmp_path) -> None:
    made = make_study()
    failed = (*made.registrations[:-1], Registration(None, "failed", reason="no match."))
    made = replace(made, registrations=failed)
    header = fits.getheader(write_master_tile(tmp_path / "t.fits", made, apply_mask(made, MILD)))
    assert (header["ZMT_NRAW"], header["ZMT_NALGN"], header["MT_NFRAMES"]) == (8, 7, 7)
    assert header["EXPTOTAL"] == 70
    assert header["ZCNLEFT"] == 1


@pytest.mark.parametrize("unknown", [[None], [1e308, 1e308]])
def test_exposure_that_is_not_known_is_not_said(study, tmp_path, unknown) -> None:
    odd = [make_frame(7 - n, exposure_s=each) for n, each in enumerate(unknown)]
    frames = (*study.cluster.frames[: -len(odd)], *odd)
    made = replace(study, cluster=replace(study.cluster, frames=frames))
    header = fits.getheader(write_master_tile(tmp_path / "t.fits", made, apply_mask(made, MILD)))
    assert "EXPTOTAL" not in header


def test_names_that_fits_has_no_letters_for(study, tmp_path) -> None:
    first = make_frame(0, path=Path("/frames/Ω´\n" + "x" * 200 + ".fit"), object_name="Nébuleuse")
    frames = (first, *study.cluster.frames[1:])
    made = replace(study, cluster=replace(study.cluster, frames=frames))
    path = write_master_tile(tmp_path / "t.fits", made, apply_mask(made, MILD))
    header = fits.getheader(path)
    assert header["OBJECT"] == "N?buleuse"
    assert header["ZMT_REF"].startswith("???xxx") and header["ZMT_REF"].endswith(".fit")
    assert check_master_tile(path) == []
