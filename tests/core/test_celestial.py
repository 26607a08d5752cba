"""Which WCS ZeMosaic would accept."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from frame_files import solved, write
from numpy.typing import NDArray

from napari_zecoverage.core.frames import look_at_frame

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
