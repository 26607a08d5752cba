"""Pixels on the sky."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import replace

import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from napari_zecoverage import sky
from napari_zecoverage.core.opening import quiet
from napari_zecoverage.sky import SkyPosition, pixel_arcmin2, sky_position


def header(longitude: str = "RA---TAN", latitude: str = "DEC--TAN") -> str:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [longitude, latitude]
    wcs.wcs.crval, wcs.wcs.crpix = [192.72, 41.12], [201, 151]
    wcs.wcs.cdelt = [-0.001, 0.001]
    return wcs.to_header().tostring(sep="\n")


@pytest.fixture
def on_the_sky(study):
    return replace(study, wcs_header=header())


def test_area_of_a_pixel(on_the_sky) -> None:
    assert pixel_arcmin2(on_the_sky) == pytest.approx(0.06**2)


def test_the_reference_point_is_where_it_was_put(on_the_sky) -> None:
    # FITS counts from 1.
    found = sky_position(on_the_sky, 150, 200)
    assert found.longitude == pytest.approx(192.72)
    assert found.latitude == pytest.approx(41.12)
    above = sky_position(on_the_sky, 160, 200)
    assert above.latitude == pytest.approx(41.13, abs=1e-6)


def test_a_wcs_is_read_while_nobody_else_quiets_astropy(study, monkeypatch) -> None:
    """Python's warning filters belong to the process: two who change them mix them up."""
    held = []

    @contextmanager
    def watched():
        with quiet():
            held.append(True)
            yield

    monkeypatch.setattr(sky, "quiet", watched)
    before = list(warnings.filters)
    fresh = replace(study, wcs_header=header().replace("192.72", "192.73"))
    assert sky_position(fresh, 150, 200).longitude == pytest.approx(192.73)
    assert held == [True]
    assert warnings.filters == before
    # Once read it is known.
    sky_position(fresh, 3, 3)
    assert held == [True]


def test_without_a_wcs(study) -> None:
    assert pixel_arcmin2(study) is None
    assert sky_position(study, 3, 3) is None


@pytest.mark.parametrize("text", ["", "not a header", "CTYPE1  = 'RA---XXX'\nCTYPE2  = 'DEC--XXX'"])
def test_a_header_without_a_usable_wcs(study, text) -> None:
    broken = replace(study, wcs_header=text)
    assert pixel_arcmin2(broken) is None
    assert sky_position(broken, 3, 3) is None


def test_beyond_the_projection(study) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---SIN", "DEC--SIN"]
    wcs.wcs.crval, wcs.wcs.crpix = [10, 10], [1, 1]
    wcs.wcs.cdelt = [-1, 1]
    half = replace(study, wcs_header=wcs.to_header().tostring(sep="\n"))
    assert sky_position(half, 0, 0) is not None
    assert sky_position(half, 290, 390) is None


@pytest.mark.parametrize(
    ("longitude", "latitude"), [(192.7212, 41.1203), (0.0, -0.0004), (359.99999, -89.5), (15, 0)]
)
def test_words_are_astropys(longitude, latitude) -> None:
    place = SkyCoord(longitude, latitude, unit="deg")
    ra = place.ra.wrap_at("360d").to_string("hour", sep=("h", "m", "s"), precision=1, pad=True)
    dec = place.dec.to_string("deg", sep=("°", "′", "″"), precision=0, pad=True, alwayssign=True)
    said = str(SkyPosition(longitude, latitude, True))
    if longitude < 359.9:  # there astropy says 24h
        assert said == f"RA {ra} Dec {dec}"
    else:
        assert said.startswith("RA 00h00m00.0s ")


def test_galactic_is_said_as_what_it_is(study) -> None:
    galactic = replace(study, wcs_header=header("GLON-TAN", "GLAT-TAN"))
    assert str(sky_position(galactic, 150, 200)) == "lon 192.7200° lat +41.1200°"
