"""Masked tiles: what ZeMosaic's rules ask of them, to the last pixel; old ones found and told."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_zecoverage.core.alpha import radial_mask
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas, padded_canvas
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.frames import FrameInfo, look_at_frame
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask, saved_alpha
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.sample import SampleSettings, SampleTruth, write_sample
from napari_zecoverage.zemosaic.existing_tile import (
    MasterTile,
    MasterTileError,
    read_master_tile,
)
from napari_zecoverage.zemosaic.master_tile import (
    UnusableTileError,
    check_master_tile,
    is_turned_over,
    write_master_tile,
    write_master_tiles,
)
from napari_zecoverage.zemosaic.tile_comparison import compare_master_tile, place_master_tile
from napari_zecoverage.zemosaic.tile_header import PARAMETER_CARDS, cropped_wcs

FRAME = (300, 340)
MILD = MaskParameters(min_coverage_abs=2, margin_percent=4, decay=0.5)


# --- made-up studies -----------------------------------------------------------------------


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
    frame = FrameInfo(
        path=Path(f"/frames/frame_{index}.fit"),
        shape=FRAME,
        is_cfa=True,
        bayer_pattern="GRBG",
        date=datetime(2025, 3, 26, 22, index, tzinfo=UTC),
        night=date(2025, 3, 26),
        filter="IRCUT",
        mount="ALT_AZ",
        exposure_s=10.0,
        instrument="Seestar S50",
        object_name="M 94",
        wcs_header=None,
        direction=None,
        size_bytes=1,
        mtime_ns=1,
    )
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


@pytest.fixture
def study() -> ClusterStudy:
    return make_study()


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


# --- what is in a tile ---------------------------------------------------------------------


@pytest.mark.parametrize("source", ["coverage", "low-signal", "radial", "dropped"])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(("kind", "angle"), [("CD", 20), ("CD", 0), ("PC", 20), ("PC", 0)])
def test_tile_passes_zemosaics_rules(tmp_path, source, padded, kind, angle) -> None:
    made = make_study(padded, wcs_text(kind, angle))
    outcome = outcome_of(made, source)
    assert outcome.source == source
    path = write_master_tile(tmp_path / "master_tile_000.fits", made, outcome)
    assert check_master_tile(path) == []
    with fits.open(path, do_not_scale_image_data=True, checksum=True) as hdus:
        hdus.verify("exception")
        planes, alpha, header = hdus[0].data, hdus["ALPHA"].data, hdus[0].header
        rect = outcome.saved_rect
        assert planes.shape == (3, rect.height, rect.x1 - rect.x0)
        assert planes.dtype == np.dtype(">f4")
        assert header["BITPIX"] == -32
        assert not {"BSCALE", "BZERO"} & set(header)
        assert alpha.dtype == np.uint8
        assert alpha.shape == planes.shape[1:]
        assert set(np.unique(alpha)) <= {0, 255}
        assert np.isfinite(planes).all()
        assert not planes[:, alpha == 0].any()
        # Where it is opaque there is a picture: the step never shows a hole.
        assert planes.any(axis=0)[alpha == 255].all()
        assert planes.min() == 0
        filled, shown = (planes != 0).any(axis=0).mean(), (alpha > 127).mean()
        assert abs(shown - filled) <= abs(1 - shown - filled) + 0.05
        assert all(f"CD{row}_{column}" in header for row in (1, 2) for column in (1, 2))
        assert not {"CDELT1", "PC1_1", "CROTA2"} & set(header)
        assert header["MT_NFRAMES"] == 8


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("kind", ["CD", "PC", "SIP"])
@pytest.mark.parametrize("angle", [0, 20, 133.7])
def test_sky_of_the_tile_is_that_of_the_canvas(tmp_path, padded, kind, angle) -> None:
    made = make_study(padded, wcs_text(kind, angle))
    outcome = apply_mask(made, MILD)
    path = write_master_tile(tmp_path / "t.fits", made, outcome)
    rect = outcome.saved_rect
    assert rect.y0 > 0 and rect.x0 > 0
    assert made.wcs_header is not None
    canvas = WCS(fits.Header.fromstring(made.wcs_header, sep="\n"))
    header = fits.getheader(path)
    assert header["WCSAXES"] == 2
    tile = WCS(header, naxis=2, fix=False)
    x, y = np.array([0.0, 200.3, 17.0]), np.array([0.0, 12.0, 140.9])
    there = np.array(tile.all_pix2world(x, y, 0))
    here = np.array(canvas.all_pix2world(x + rect.x0, y + rect.y0, 0))
    assert np.allclose(there, here, rtol=0, atol=1e-10)
    assert look_at_frame(path).wcs_header is not None


def test_pixels_are_the_stacks_less_the_darkest(study, tmp_path) -> None:
    outcome = apply_mask(study, MILD)
    assert study.tile is not None
    before = study.tile.copy()
    path = write_master_tile(tmp_path / "t.fits", study, outcome)
    with fits.open(path) as hdus:
        planes, alpha, base = hdus[0].data, hdus["ALPHA"].data, hdus[0].header["ZCBASE"]
    cut = study.tile[outcome.saved_rect.slices]
    opaque = alpha == 255
    assert np.array_equal(alpha, saved_alpha(outcome))
    assert base == pytest.approx(float(cut[opaque].min()))
    for channel in range(3):
        expected = cut[..., channel][opaque] - np.float32(base)
        assert np.array_equal(planes[channel][opaque], expected)
    assert np.array_equal(study.tile, before, equal_nan=True)


def test_golden_rectangle_crpix_and_alpha(golden_dir: Path, tmp_path: Path) -> None:
    with np.load(golden_dir / "tile_geometry.npz") as file:
        cases, arrays = json.loads(str(file["meta"])), {key: file[key] for key in file.files}
    exact = 0
    for case in cases:
        height, width = case["canvas_hw"]
        frame = tuple(case["frame_hw"])
        canvas = padded_canvas(frame) if case["padded"] else Canvas(frame, (0, 0), frame)
        assert list(canvas.shape) == case["canvas_hw"]
        packed = arrays[f"footprints{case['case']}"]
        footprints = np.unpackbits(packed)[: case["n_frames"] * height * width]
        coverage = footprints.reshape(-1, height, width).sum(axis=0, dtype=np.float32)
        tile = star_field((height, width))
        tile[coverage == 0] = np.nan
        reference = case["reference_crpix"]
        crpix = reference[0] + canvas.offset[1], reference[1] + canvas.offset[0]
        made = make_study(canvas=canvas, coverage=coverage, tile=tile, wcs=wcs_text(crpix=crpix))
        keys = {key: value for key, value in case.items() if key.startswith("altaz_")}
        keys |= {f"altaz_{name}": case[name] for name in ("margin_percent", "decay")}
        outcome = apply_mask(made, MaskParameters.from_config(keys))
        path = write_master_tile(tmp_path / f"master_tile_{case['case']:03d}.fits", made, outcome)
        assert check_master_tile(path) == [], case
        with fits.open(path) as hdus:
            header, alpha = hdus[0].header, hdus["ALPHA"].data
        assert [3, *alpha.shape] == case["tile_chw"]
        assert [header["CRPIX1"], header["CRPIX2"]] == case["crpix"]
        if outcome.source == "coverage":
            exact += 1
            wanted = np.unpackbits(arrays[f"alpha_u8{case['case']}"])[: alpha.size]
            assert np.array_equal(alpha > 127, wanted.reshape(alpha.shape).astype(bool)), case
    assert exact == 11


def test_no_opaque_pixel_is_black(tmp_path) -> None:
    """An emptying threshold over 0.5 makes opaque black pixels in ZeMosaic (§10h), not here."""
    made = make_study()
    for nanize in (True, False):
        harsh = replace(MILD, nanize=nanize, nanize_threshold=0.9)
        outcome = apply_mask(made, harsh)
        assert outcome.alpha is not None
        gap = (outcome.alpha >= 0.5) & (outcome.alpha <= 0.9)
        path = write_master_tile(tmp_path / f"{nanize}.fits", made, outcome)
        with fits.open(path) as hdus:
            assert hdus[0].header["ZCHOLES"] == np.count_nonzero(gap[outcome.saved_rect.slices]) > 0
            alpha = hdus["ALPHA"].data
        assert np.array_equal(alpha == 255, outcome.alpha[outcome.saved_rect.slices] > 0.9)
        assert check_master_tile(path) == []


def test_holes_in_the_picture_are_not_shown(study, tmp_path) -> None:
    tile = study.tile.copy()
    tile[200:204, 210:213, 1] = np.nan
    tile[240, 240] = np.inf
    made = replace(study, tile=tile)
    outcome = apply_mask(made, MILD)
    path = write_master_tile(tmp_path / "t.fits", made, outcome)
    with fits.open(path) as hdus:
        alpha, header = hdus["ALPHA"].data, hdus[0].header
    y, x = outcome.saved_rect.y0, outcome.saved_rect.x0
    assert not alpha[200 - y : 204 - y, 210 - x : 213 - x].any()
    assert alpha[240 - y, 240 - x] == 0
    assert header["ZCHOLES"] == 13
    assert "no picture" in str(header["HISTORY"])


# --- the header ----------------------------------------------------------------------------


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


def test_exposure_that_is_not_known_is_not_said(study, tmp_path) -> None:
    frames = (*study.cluster.frames[:-1], make_frame(7, exposure_s=None))
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


# --- the real way: frames, study, tile -----------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[SampleTruth, ClusterStudy]:
    folder = tmp_path_factory.mktemp("sample")
    truth = write_sample(folder, SampleSettings(n_frames=6, shape=(300, 400), with_wcs=True))
    cluster = Cluster.from_files(truth.paths)
    return truth, study_cluster(cluster, cache=False)


def centroid(plane: NDArray[Any], x: float, y: float) -> NDArray[np.float64]:
    column, row = round(x), round(y)
    cut = plane[row - 4 : row + 5, column - 4 : column + 5].astype(float)
    light = np.clip(cut - np.median(cut), 0, None)
    rows, columns = np.mgrid[-4:5, -4:5]
    return np.array(
        [column + (columns * light).sum() / light.sum(), row + (rows * light).sum() / light.sum()]
    )


def test_star_is_where_the_frames_sky_has_it(sample, tmp_path) -> None:
    truth, made = sample
    outcome = apply_mask(made, MaskParameters())
    path = write_master_tile(tmp_path / "t.fits", made, outcome)
    assert check_master_tile(path) == []
    index = [each.method for each in made.registrations].index("reference")
    frame_sky = WCS(fits.getheader(made.cluster.frames[index].path), fix=False)
    with fits.open(path) as hdus:
        green, alpha = hdus[0].data[1], hdus["ALPHA"].data
        tile_sky = WCS(hdus[0].header, naxis=2, fix=False)
    to_frame = np.linalg.inv(truth.transforms[index])
    brightest = np.argsort(-truth.star_fluxes[:, 1])
    distances = []
    for x, y in truth.stars[brightest][:40] @ to_frame[:2, :2].T + to_frame[:2, 2]:
        sky = frame_sky.all_pix2world([[x, y]], 0)
        tile_x, tile_y = tile_sky.all_world2pix(sky, 0)[0]
        inside = 8 < tile_x < alpha.shape[1] - 8 and 8 < tile_y < alpha.shape[0] - 8
        if (
            not inside
            or not alpha[
                round(tile_y) - 5 : round(tile_y) + 6, round(tile_x) - 5 : round(tile_x) + 6
            ].all()
        ):
            continue
        distances.append(np.hypot(*(centroid(green, tile_x, tile_y) - (tile_x, tile_y))))
    assert len(distances) >= 6
    assert max(distances) < 0.2


def test_reference_frames_cards_are_taken_over(sample, tmp_path) -> None:
    _, made = sample
    header = fits.getheader(
        write_master_tile(tmp_path / "t.fits", made, apply_mask(made, MaskParameters()))
    )
    assert header["FOCALLEN"] == 250
    assert header["XPIXSZ"] == 2.9
    assert header["GAIN"] == 80
    assert header["OBJECT"] == "Sample field"
    assert header["EXPTOTAL"] == 60


# --- refusals ------------------------------------------------------------------------------


def test_no_wcs_is_refused_unless_asked_for(tmp_path) -> None:
    made = replace(make_study(), wcs_header=None)
    outcome = apply_mask(made, MILD)
    path = tmp_path / "master_tile_000.fits"
    with pytest.raises(UnusableTileError, match="no WCS"):
        write_master_tile(path, made, outcome)
    assert not path.exists()
    write_master_tile(path, made, outcome, allow_without_wcs=True)
    assert "NO WCS" in " ".join(fits.getheader(path)["HISTORY"])
    assert check_master_tile(path) == ["It has no WCS, and ZeMosaic refuses it."]


def test_study_without_a_tile(study, tmp_path) -> None:
    made = replace(study, tile=None)
    with pytest.raises(UnusableTileError, match="no stack"):
        write_master_tile(tmp_path / "t.fits", made, apply_mask(made, MILD))
    assert everything_below(tmp_path) == {}


def test_mask_that_is_not_known(study, tmp_path) -> None:
    unknown = apply_mask(replace(study, tile=None, coverage=None), MILD)
    with pytest.raises(UnusableTileError, match="mask is not known"):
        write_master_tile(tmp_path / "t.fits", study, unknown)


def test_mask_of_another_study(study, tmp_path) -> None:
    other = make_study(padded=False)
    with pytest.raises(UnusableTileError, match="not of this study"):
        write_master_tile(tmp_path / "t.fits", other, apply_mask(study, MILD))


@pytest.mark.parametrize("value", [np.nan, 700.0])
def test_tile_without_a_picture(study, tmp_path, value) -> None:
    made = replace(study, tile=np.full((*study.canvas.shape, 3), value, np.float32))
    with pytest.raises(UnusableTileError, match=r"nothing of the tile|is empty"):
        write_master_tile(tmp_path / "t.fits", made, apply_mask(made, MILD))
    assert everything_below(tmp_path) == {}


def test_nothing_is_overwritten_unasked(study, tmp_path) -> None:
    path = tmp_path / "t.fits"
    path.write_bytes(b"mine")
    outcome = apply_mask(study, MILD)
    with pytest.raises(OutputError, match="is there already"):
        write_master_tile(path, study, outcome)
    assert everything_below(tmp_path) == {"t.fits": b"mine"}
    write_master_tile(path, study, outcome, overwrite=True)
    assert check_master_tile(path) == []
    assert list(everything_below(tmp_path)) == ["t.fits"]


def test_zemosaics_own_folder_is_left_alone(study, tmp_path) -> None:
    outcome = apply_mask(study, MILD)
    for folder in (
        tmp_path / "run" / "zemosaic_temp_master_tiles",
        tmp_path / "run" / "zemosaic_temp_master_tiles" / "below",
    ):
        with pytest.raises(OutputError, match="own zemosaic_temp_master_tiles"):
            write_master_tile(folder / "t.fits", study, outcome)
        with pytest.raises(OutputError, match="own zemosaic_temp_master_tiles"):
            write_master_tiles([(study, outcome)], folder)
    assert everything_below(tmp_path) == {}


def test_a_folder_in_the_place(study, tmp_path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        write_master_tile(tmp_path, study, apply_mask(study, MILD), overwrite=True)


@pytest.mark.parametrize("number", [-1, 2**31])
def test_number_that_is_none(study, tmp_path, number) -> None:
    with pytest.raises(OutputError, match="tile_id"):
        write_master_tile(tmp_path / "t.fits", study, apply_mask(study, MILD), tile_id=number)


# --- killed while it writes ----------------------------------------------------------------


def fail(error: BaseException) -> Callable[..., Any]:
    def failing(*_: Any, **__: Any) -> None:
        raise error

    return failing


def half_written(error: BaseException) -> Callable[..., Any]:
    def failing(_: Any, stream: Any, **__: Any) -> None:
        stream.write(b"SIMPLE  =")
        stream.flush()
        raise error

    return failing


STEPS: dict[str, Callable[[pytest.MonkeyPatch, BaseException], None]] = {
    "open": lambda patch, error: patch.setattr("builtins.open", fail(error)),
    "write": lambda patch, error: patch.setattr(fits.HDUList, "writeto", half_written(error)),
    "sync": lambda patch, error: patch.setattr(os, "fsync", fail(error)),
    "swap": lambda patch, error: patch.setattr(os, "replace", fail(error)),
}


@pytest.mark.parametrize("old", [None, b"the old tile"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", STEPS)
def test_killed_write_leaves_the_old_file_whole(
    study, tmp_path, monkeypatch, step, error, old
) -> None:
    path = tmp_path / "master_tile_000.fits"
    if old is not None:
        path.write_bytes(old)
    before = everything_below(tmp_path)
    outcome = apply_mask(study, MILD)
    expected = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    with monkeypatch.context() as patch, pytest.raises(expected) as caught:
        STEPS[step](patch, error)
        write_master_tile(path, study, outcome, overwrite=True)
    assert everything_below(tmp_path) == before
    if expected is OutputError:
        assert str(path) in str(caught.value)
        assert "No space left" in str(caught.value)


# --- all tiles of a run --------------------------------------------------------------------


def test_tiles_of_a_run(study, tmp_path) -> None:
    outcome = apply_mask(study, MILD)
    blind = replace(study, wcs_header=None, cluster=replace(study.cluster, name="blind"))
    told: list[Path] = []
    asked: list[int] = []

    def clusters() -> Iterator[tuple[ClusterStudy, MaskOutcome]]:
        for number, made in enumerate((study, blind, study)):
            asked.append(len(told))
            yield made, outcome
            assert number <= 2

    done = write_master_tiles(clusters(), tmp_path / "out", on_written=told.append)
    assert [each.name for each in done.tiles] == ["master_tile_000.fits", "master_tile_002.fits"]
    assert told == list(done.tiles)
    # Each is written before the next study is asked for.
    assert asked == [0, 1, 1]
    assert [name for name, _ in done.left_out] == ["blind"]
    assert "WCS" in done.left_out[0][1]
    assert done.notes == ()
    assert [fits.getheader(each)["ZMT_ID"] for each in done.tiles] == [0, 2]
    assert sorted(everything_below(tmp_path)) == [
        "out/master_tile_000.fits",
        "out/master_tile_002.fits",
    ]


def test_tiles_keep_their_numbers(study, tmp_path) -> None:
    pairs = [(study, apply_mask(study, MILD))] * 2
    done = write_master_tiles(pairs, tmp_path, tile_ids=[12, 1003])
    assert [each.name for each in done.tiles] == ["master_tile_012.fits", "master_tile_1003.fits"]
    with pytest.raises(OutputError, match="two clusters have the tile number 3"):
        write_master_tiles(pairs, tmp_path / "other", tile_ids=[3, 3])


def test_one_tile_is_too_few(study, tmp_path) -> None:
    done = write_master_tiles([(study, apply_mask(study, MILD))], tmp_path)
    assert "at least 2" in done.notes[0]


def test_tiles_that_are_there_already(study, tmp_path) -> None:
    pairs = [(study, apply_mask(study, MILD))] * 2
    (tmp_path / "master_tile_001.fits").write_bytes(b"mine")
    (tmp_path / "master_tile_077.fits").write_bytes(b"mine, too")
    with pytest.raises(OutputError, match=r"holds master tiles already \(master_tile_001.fits"):
        write_master_tiles(pairs, tmp_path)
    done = write_master_tiles(pairs, tmp_path, overwrite=True)
    assert check_master_tile(done.tiles[1]) == []
    assert "master_tile_077.fits" in done.notes[0]
    assert (tmp_path / "master_tile_077.fits").read_bytes() == b"mine, too"


@pytest.mark.parametrize("name", ["rejected_by_quality", "Mes_rejets", "trash", "Quarantine"])
def test_folder_that_zemosaic_passes_over(study, tmp_path, name) -> None:
    with pytest.raises(OutputError, match="passes over"):
        write_master_tiles([(study, apply_mask(study, MILD))], tmp_path / name)
    assert not (tmp_path / name).exists()


def test_folder_that_is_a_file(study, tmp_path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(OutputError, match="is not a folder"):
        write_master_tiles([(study, apply_mask(study, MILD))], tmp_path / "out" / "below")


# --- the check -----------------------------------------------------------------------------


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


# --- reading -------------------------------------------------------------------------------


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
