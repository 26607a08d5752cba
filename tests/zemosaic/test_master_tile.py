"""Masked tiles: what ZeMosaic's rules ask of them, to the last pixel."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from made_tiles import MILD, everything_below, make_study, outcome_of, star_field, wcs_text
from numpy.typing import NDArray

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas, padded_canvas
from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.frames import look_at_frame
from napari_zecoverage.core.outcome import apply_mask, saved_alpha
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings, SampleTruth
from napari_zecoverage.zemosaic.master_tile import write_master_tile, write_master_tiles
from napari_zecoverage.zemosaic.saved_pixels import UnusableTileError
from napari_zecoverage.zemosaic.tile_check import check_master_tile

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


def test_it_is_imported_without_astropy() -> None:
    """The window imports it at its opening, and astropy takes as long as all the rest."""
    program = (
        "import sys, napari_zecoverage.zemosaic.master_tile; "
        "print([name for name in sys.modules if name.startswith('astropy')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [b"[]"]


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
    # What somebody else wrote is kept, what we did is replaced.
    write_master_tile(path, study, outcome, overwrite=True)
    files = everything_below(tmp_path)
    assert files.pop("t.fits.kept-1") == b"mine"
    assert list(files) == ["t.fits"]


def test_a_frame_of_the_cluster_is_never_replaced(study, tmp_path) -> None:
    path = tmp_path / "frame.fit"
    path.write_bytes(b"raw")
    first, *others = study.cluster.frames
    frames = (replace(first, path=path), *others)
    of_file = replace(study, cluster=replace(study.cluster, frames=frames))
    link = tmp_path / "other.fit"
    link.symlink_to(path)
    for each in (path, link):
        with pytest.raises(OutputError, match="is a frame of"):
            write_master_tile(each, of_file, apply_mask(study, MILD), overwrite=True)
    assert path.read_bytes() == b"raw"
    assert link.is_symlink()


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
