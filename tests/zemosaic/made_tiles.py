"""Studies made up for tiles, with a known sky."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

import studies
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas, padded_canvas
from napari_zecoverage.core.fallback_masks import radial_mask
from napari_zecoverage.core.frames import FrameInfo
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy

FRAME = (300, 340)
MILD = MaskParameters(min_coverage_abs=2, margin_percent=4, decay=0.5)


def wcs_text(
    kind: str = "CD", angle_deg: float = 20.0, crpix: tuple[float, float] = (170.5, 150.5)
) -> str:
    """A WCS of 2.4 arc seconds a pixel; "PC" as astropy writes it, zero terms left out."""
    angle = math.radians(angle_deg)
    scale = 2.4 / 3600
    matrix = scale * np.array(
        [[-math.cos(angle), math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = 192.7, 41.1
    header["CRPIX1"], header["CRPIX2"] = crpix
    if kind == "PC":
        header["CDELT1"], header["CDELT2"] = -scale, scale
        for row in range(2):
            for column in range(2):
                term = matrix[row, column] / header[f"CDELT{row + 1}"]
                if abs(term - (row == column)) > 1e-12:
                    header[f"PC{row + 1}_{column + 1}"] = term
    else:
        for row in range(2):
            for column in range(2):
                header[f"CD{row + 1}_{column + 1}"] = matrix[row, column]
    if kind == "SIP":
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
        header["A_ORDER"], header["B_ORDER"] = 2, 2
        header["A_2_0"], header["A_1_1"], header["B_0_2"] = 2e-6, -1e-6, 3e-6
    return str(header.tostring(sep="\n", endcard=False, padding=False))


def make_frame(index: int, **changes: Any) -> FrameInfo:
    frame = studies.make_frame(index, shape=FRAME, instrument="Seestar S50", object_name="M 94")
    return replace(frame, **changes)


def star_field(shape: tuple[int, int], seed: int = 1) -> NDArray[np.float32]:
    """(H, W, 3): 60 stars on a sky of three colours, with noise."""
    rng = np.random.default_rng(seed)
    field = rng.normal((900.0, 1000.0, 1100.0), 4, (*shape, 3))
    rows, columns = np.mgrid[-10:11, -10:11]
    for _ in range(60):
        y, x = int(rng.uniform(10, shape[0] - 10)), int(rng.uniform(10, shape[1] - 10))
        star = rng.uniform(200, 3000) * np.exp(-(rows**2 + columns**2) / 4)
        field[y - 10 : y + 11, x - 10 : x + 11] += star[..., None]
    return field.astype(np.float32)


def steps(canvas: Canvas, count: int = 8, inset: int = 6) -> NDArray[np.float32]:
    """Coverage: 1 along the rim of the reference frame, `count` in its middle, 0 outside."""
    coverage = np.zeros(canvas.shape, np.float32)
    y, x = canvas.offset
    height, width = canvas.frame_shape
    for each in range(count):
        coverage[
            y + inset * each : y + height - inset * each,
            x + inset * each : x + width - inset * each,
        ] += 1
    return coverage


def make_study(
    padded: bool = True, wcs: str | None = None, frames: int = 8, **changes: Any
) -> ClusterStudy:
    canvas = padded_canvas(FRAME) if padded else Canvas(FRAME, (0, 0), FRAME)
    coverage = steps(canvas)
    tile = star_field(canvas.shape)
    tile[coverage == 0] = np.nan
    made = ClusterStudy(
        cluster=Cluster("night", tuple(make_frame(index) for index in range(frames))),
        options=StudyOptions(),
        registrations=(
            Registration(np.eye(3), "reference", 0.0, 50),
            *[Registration(np.eye(3), "astroalign", 0.2, 40)] * (frames - 1),
        ),
        canvas=canvas,
        coverage=coverage,
        tile=tile,
        wcs_header=wcs_text() if wcs is None else wcs,
    )
    return replace(made, **changes)


def outcome_of(study: ClusterStudy, source: str) -> MaskOutcome:
    """A mask of each source that ZeMosaic has."""
    if source == "coverage":
        return apply_mask(study, MILD)
    if source == "radial":
        alpha = radial_mask(study.canvas.shape, MaskParameters(margin_percent=20))
        return replace(apply_mask(study, MILD), alpha=alpha, source="radial")
    if source == "dropped":
        core = np.zeros(study.canvas.shape, np.float32)
        side = int(math.sqrt(0.06 * core.size))
        core[100 : 100 + side, 100 : 100 + side] = 9
        return apply_mask(replace(study, coverage=core), replace(MILD, margin_percent=0))
    # Coverage of one value everywhere says nothing: ZeMosaic looks at the pixels instead.
    flat = np.full(study.canvas.shape, 9, np.float32)
    return apply_mask(replace(study, coverage=flat), MILD)


def everything_below(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


def small_study() -> ClusterStudy:
    canvas = Canvas((90, 100), (0, 0), (90, 100))
    return make_study(
        canvas=canvas, coverage=steps(canvas), tile=star_field(canvas.shape), wcs=wcs_text()
    )


def zemosaics_own(path: Path, shape: tuple[int, int] = (64, 70), **cards: Any) -> Path:
    """A tile with the cards that ZeMosaic writes."""
    rng = np.random.default_rng(3)
    hdu = fits.PrimaryHDU(rng.uniform(0, 900, (3, *shape)).astype(np.float32))
    told: dict[str, Any] = {
        "ZMT_TYPE": "Master Tile",
        "ZMT_ID": 4,
        "ZMT_NRAW": 5,
        "HIERARCH ZMT_NALGN": 5,
        "HIERARCH MT_NFRAMES": 5,
        "ZMT_PAD": True,
        "ZMT_PADX": 50,
        "ZMT_PADY": 100,
        "HIERARCH ZMT_PADHW": "300,400->500,500",
        "ZMT_NORM": "none",
        "ZMT_REJ": "winsorized_sigma_clip",
        "ZMT_REF": "a.fit",
        "ZMT_QCRO": True,
        "ZMT_QBOX": "108,109,392,425",
        "ZMT_NANZ": 1,
        "ZMT_NANC": 30,
        "RGBGAINR": 1.0,
        "RGBGAING": 0.95,
        "RGBGAINB": 1.05,
    } | cards
    for keyword, value in told.items():
        hdu.header[keyword] = value
    alpha = np.full(shape, 255, np.uint8)
    alpha[:32] = 0
    fits.HDUList([hdu, fits.ImageHDU(alpha, name="ALPHA")]).writeto(path)
    return path
