"""Where a frame lies on the sky: its WCS, as far as ZeMosaic would accept it (ZEMOSAIC.md §1).

astropy takes as long to import as all the rest that the window opens with. So it is
imported, here and elsewhere, by the functions that need it, when they do.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from napari_zecoverage.core.fits_headers import CardValue, is_number, parse_card
from napari_zecoverage.core.opening import quiet

PIXEL_SCALE_RANGE: Final = (0.3, 15.0)
"""Arc seconds a pixel of a WCS that ZeMosaic accepts; the lower end is excluded."""

_log = logging.getLogger(__name__)


def celestial_wcs(
    cards: tuple[str, ...], shape: tuple[int, int]
) -> tuple[str | None, tuple[float, float, float] | None]:
    """Return the WCS's cards and the direction of the picture's centre, or None twice."""
    parsed = dict(filter(None, map(parse_card, cards)))
    if not _has_wcs_cards(parsed):
        return None, None
    from astropy.io import fits
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_scales

    height, width = shape
    try:
        with quiet():
            header = fits.Header.fromstring("\n".join(cards), sep="\n")
            if "A_ORDER" in header:
                # astropy uses the distortion without the suffix too, but logs that it is missing.
                for keyword in ("CTYPE1", "CTYPE2"):
                    header[keyword] = header[keyword].removesuffix("-SIP") + "-SIP"
            wcs = WCS(header)
            scales = proj_plane_pixel_scales(wcs) * 3600.0
            footprint = wcs.calc_footprint(axes=(width, height))
            centre = wcs.all_pix2world([[width / 2, height / 2]], 0)[0]
            text = header.tostring(sep="\n", endcard=False, padding=False)
    except Exception:  # noqa: BLE001 - astropy and wcslib raise whatever they like for bad cards
        _log.debug("The header's WCS makes no sense.", exc_info=True)
        return None, None
    smallest, largest = PIXEL_SCALE_RANGE
    # The small excess keeps out 0.3″ itself, which no binary number is equal to.
    if not all(smallest * (1 + 1e-9) < scale <= largest * (1 + 1e-9) for scale in scales):
        return None, None
    if footprint is None or not np.isfinite(footprint).all():
        return None, None
    direction = _unit_vector(*centre) or _unit_vector(header["CRVAL1"], header["CRVAL2"])
    return text, direction


def _has_wcs_cards(cards: Mapping[str, CardValue]) -> bool:
    """Tell whether the cards are there that ZeMosaic asks for (ZEMOSAIC.md §1)."""
    kinds = [str(cards.get(keyword, "")).upper() for keyword in ("CTYPE1", "CTYPE2")]
    celestial = any(kind.startswith("RA") or kind[1:4] == "LON" for kind in kinds) and any(
        kind.startswith("DEC") or kind[1:4] == "LAT" for kind in kinds
    )

    def numbers(*keywords: str) -> bool:
        return all(is_number(cards.get(keyword)) for keyword in keywords)

    return (
        celestial
        and numbers("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")
        and (
            numbers("CD1_1", "CD1_2", "CD2_1", "CD2_2")
            or numbers("PC1_1", "PC1_2", "PC2_1", "PC2_2", "CDELT1", "CDELT2")
        )
    )


def _unit_vector(longitude: Any, latitude: Any) -> tuple[float, float, float] | None:
    """Return the direction of a place on the sky, given in degrees."""
    lon, lat = math.radians(float(longitude)), math.radians(float(latitude))
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return None
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
