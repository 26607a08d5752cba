"""Coverage where lecropper looks for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.coverage_map import coverage_hdu, sidecar_path, write_coverage_map
from napari_zecoverage.zemosaic.master_tile import write_master_tile
from studies import make_frame

WCS_TEXT = "\n".join(
    [
        "CTYPE1  = 'RA---TAN'",
        "CTYPE2  = 'DEC--TAN'",
        "CRVAL1  = 10.0",
        "CRVAL2  = 20.0",
        "CRPIX1  = 50.0",
        "CRPIX2  = 45.0",
        "CD1_1   = -0.001",
        "CD1_2   = 0.0",
        "CD2_1   = 0.0",
        "CD2_2   = 0.001",
    ]
)


@pytest.fixture
def study() -> ClusterStudy:
    shape = (90, 100)
    coverage = np.zeros(shape, np.float32)
    coverage[5:85, 5:95] = 3
    coverage[20:70, 20:80] = 7
    tile = np.random.default_rng(1).normal(900, 9, (*shape, 3)).astype(np.float32)
    frame = make_frame(shape=shape, wcs_header=WCS_TEXT)
    registrations = (Registration(np.eye(3), "reference", 0.0, 50),) * 7
    return ClusterStudy(
        cluster=Cluster("c", (frame,) * 7),
        options=StudyOptions(),
        registrations=registrations,
        canvas=Canvas(shape, (0, 0), shape),
        coverage=coverage,
        tile=tile,
        wcs_header=WCS_TEXT,
    )


def found_by_lecropper(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """ZEMOSAIC.md §9, written down anew: an HDU behind the first, else a sidecar."""
    names = {"COVERAGE", "COVER", "COV", "WEIGHT", "WEIGHTS", "WEIGHTMAP"}

    def is_coverage(hdu) -> bool:
        name = hdu.name.upper()
        named = name in names or "COVER" in name or "WEIGHT" in name
        return named or "count" in str(hdu.header.get("BUNIT", "")).lower()

    with fits.open(path) as hdus:
        for hdu in hdus[1:]:
            if is_coverage(hdu) and hdu.data.shape[-2:] == shape:
                return np.array(hdu.data)
    for middle in ("_coverage", ".coverage", "-coverage"):
        for ending in (path.suffix, ".fits", ".fit", ".fts"):
            sidecar = path.with_name(path.stem + middle + ending)
            if sidecar.exists():
                return np.array(fits.getdata(sidecar, 0))
    return None


def test_tile_carries_its_coverage(study, tmp_path) -> None:
    outcome = apply_mask(study, MaskParameters(margin_percent=0))
    path = write_master_tile(tmp_path / "master_tile_000.fits", study, outcome)
    rect = outcome.saved_rect
    found = found_by_lecropper(path, (rect.height, rect.x1 - rect.x0))
    assert found is not None
    assert np.array_equal(found, study.coverage[rect.slices])
    with fits.open(path) as hdus:
        assert [each.name for each in hdus] == ["PRIMARY", "ALPHA", "COVERAGE"]
        header = hdus["COVERAGE"].header
        assert header["BUNIT"] == "count"
        assert header["CRPIX1"] == hdus[0].header["CRPIX1"] == 50 - rect.x0
        assert header["CRPIX2"] == hdus[0].header["CRPIX2"] == 45 - rect.y0


def test_tile_without_its_coverage(study, tmp_path) -> None:
    outcome = apply_mask(study, MaskParameters(margin_percent=0))
    path = write_master_tile(tmp_path / "t.fits", study, outcome, with_coverage=False)
    with fits.open(path) as hdus:
        assert [each.name for each in hdus] == ["PRIMARY", "ALPHA"]


@pytest.mark.parametrize("name", ["picture.fits", "picture.fit", "master_tile_000.fits", "a.b.fts"])
def test_sidecar_is_found(study, tmp_path, name) -> None:
    image = tmp_path / name
    fits.PrimaryHDU(np.ones((3, 90, 100), np.float32)).writeto(image)
    sidecar = write_coverage_map(sidecar_path(image), study)
    found = found_by_lecropper(image, (90, 100))
    assert found is not None
    assert np.array_equal(found, study.coverage)
    # ZeMosaic looks for tiles by this name: a sidecar must never be taken for one.
    assert sidecar not in set(tmp_path.glob("master_tile_*.fits")) - {image}


def test_name_of_a_tile_is_refused(study, tmp_path) -> None:
    with pytest.raises(OutputError, match="for a master tile"):
        write_coverage_map(tmp_path / "master_tile_000_coverage.fits", study)
    assert not list(tmp_path.iterdir())


def test_rectangle_of_the_canvas(study, tmp_path) -> None:
    rect = Rect(10, 15, 60, 90)
    path = write_coverage_map(tmp_path / "c.fits", study, rect)
    with fits.open(path) as hdus:
        assert np.array_equal(hdus[0].data, study.coverage[10:60, 15:90])
        assert hdus[0].header["CRPIX1"] == 35
        assert hdus[0].header["CRPIX2"] == 35
        assert hdus[0].header["ZCMAX"] == 7
        hdus.verify("exception")
    assert np.array_equal(coverage_hdu(study, rect).data, study.coverage[10:60, 15:90])


def test_nothing_is_overwritten_unasked(study, tmp_path) -> None:
    path = tmp_path / "c.fits"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="there already"):
        write_coverage_map(path, study)
    assert path.read_bytes() == b"mine"
    write_coverage_map(path, study, overwrite=True)
    assert fits.getdata(path).shape == (90, 100)


def test_no_coverage(study, tmp_path) -> None:
    bare = replace(study, coverage=None)
    with pytest.raises(ValueError, match="no coverage"):
        write_coverage_map(tmp_path / "c.fits", bare)
