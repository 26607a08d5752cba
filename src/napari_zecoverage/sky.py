"""Where a pixel of a study's canvas lies on the sky, and how much sky it is."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_zecoverage.core.opening import quiet

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from napari_zecoverage.core.studied import ClusterStudy

_ARCMIN2_PER_DEG2 = 3600.0


class SkyPosition(NamedTuple):
    """Longitude and latitude in degrees, and whether they are right ascension and declination."""

    longitude: float
    latitude: float
    equatorial: bool

    def __str__(self) -> str:
        if not self.equatorial:
            return f"lon {self.longitude:.4f}° lat {self.latitude:+.4f}°"
        seconds = round(self.longitude % 360 / 15 * 36000) / 10
        hours, minutes = divmod(int(seconds // 60), 60)
        arcseconds = round(abs(self.latitude) * 3600)
        degrees, arcminutes = divmod(arcseconds // 60, 60)
        sign = "-" if self.latitude < 0 else "+"
        return (
            f"RA {hours % 24:02d}h{minutes:02d}m{seconds % 60:04.1f}s "
            f"Dec {sign}{degrees:02d}°{arcminutes:02d}′{arcseconds % 60:02d}″"
        )


def pixel_arcmin2(study: ClusterStudy) -> float | None:
    """Return the area of a pixel in square arcminutes at the WCS's reference point.

    None when the study has no WCS, or one that tells no area.
    """
    wcs = _wcs(study.wcs_header)
    if wcs is None:
        return None
    from astropy.wcs.utils import proj_plane_pixel_area

    area = float(proj_plane_pixel_area(wcs)) * _ARCMIN2_PER_DEG2
    return area if np.isfinite(area) and area > 0 else None


def sky_position(study: ClusterStudy, y: float, x: float) -> SkyPosition | None:
    """Return where a pixel of the canvas lies; its centre has whole coordinates.

    None when the study has no WCS, or the projection ends before that pixel.
    """
    wcs = _wcs(study.wcs_header)
    if wcs is None:
        return None
    longitude, latitude = (float(each) for each in wcs.pixel_to_world_values(x, y))
    if not (np.isfinite(longitude) and np.isfinite(latitude)):
        return None
    return SkyPosition(longitude, latitude, wcs.wcs.lngtyp.strip() == "RA")


@lru_cache(maxsize=8)
def _wcs(header: str | None) -> WCS | None:
    """Return the celestial WCS in a header's text; None when there is none to work with."""
    if header is None:
        return None
    # Not at the top: see core.celestial.
    from astropy.io import fits
    from astropy.wcs import WCS

    # Old keywords that astropy mends; the text comes from a header that was accepted.
    with quiet():
        try:
            wcs = WCS(fits.Header.fromstring(header, sep="\n")).celestial
        except Exception:  # noqa: BLE001 - wcslib raises many kinds; a study works without a WCS
            return None
    return wcs if wcs.naxis == 2 else None
