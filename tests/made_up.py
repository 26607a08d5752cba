"""Made-up studied clusters whose colour steps are known: no files, no registration, quick.

    made = made_up_study(seed)                     # everything drawn from the seed
    made = made_up_study(seed, fringed=False)      # the same without any fringe
    made = draw_study(settings, background="off")  # a `SampleSettings` of one's own

    made.study      ClusterStudy as `study_cluster` would make it, true transforms
    made.matched    (H, W, 3) ADU: mean offset of the frames that cover each pixel, in the tile
    made.raw        (H, W, 3) ADU: the same before the frames' backgrounds were matched
    made.grain      (H, W, 3) ADU: the noise in the tile
    made.kind       words: what is special about it ("starless", "crowded", ...)
    made.fringed    whether any colour step is in the tile

The tile is one scene (gradient of the sky, nebulae, stars) and the mean of the frames'
offsets and noise. The noise is debayered and warped like a frame's, so that it is correlated
like a stack's, and falls with the frames of a pixel. Red and blue stars stand a little beside
the green ones, as through air.
`steps_of` gives the true step of any group of pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas, choose_canvas, find_footprint
from napari_zecoverage.core.frames import FrameInfo
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.stacking import FrameBackground
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.sample import describe_sample
from napari_zecoverage.sample_settings import Night, SampleSettings, SampleTruth
from studies import EVENING, make_frame

KINDS = ("plain", "starless", "crowded", "nebulous", "few frames", "many frames")


@dataclass(frozen=True, eq=False)
class MadeUp:
    study: ClusterStudy
    matched: np.ndarray
    raw: np.ndarray
    kind: str
    fringed: bool
    truth: SampleTruth
    grain: np.ndarray | None = None


def made_up_study(
    seed: int, *, fringed: bool | None = None, kind: str | None = None, scale: int = 1
) -> MadeUp:
    """Draw a studied cluster, all of it from the seed; one in six has no fringe.

    Its frames are `scale` times 270 to 360 px high.
    """
    rng = np.random.default_rng([seed, 2])
    kind = kind or KINDS[seed % len(KINDS)]
    drawn = bool(rng.random() > 1 / 6)
    fringed = drawn if fringed is None else fringed
    background = "off" if rng.random() < 0.5 else "median"
    settings = settings_of(seed, kind, fringed, background)
    height, width = settings.shape
    settings = replace(settings, shape=(scale * height, scale * width))
    canvas = str(rng.choice(["auto", "auto", "padded", "reference"]))
    made = draw_study(settings, background=background, canvas=canvas)
    return replace(made, kind=kind, fringed=fringed)


def settings_of(seed: int, kind: str, fringed: bool, background: str) -> SampleSettings:
    rng = np.random.default_rng([seed, 3])
    frames = {"few frames": (2, 6), "many frames": (24, 48)}.get(kind, (6, 24))
    stars = {"starless": (0, 1), "crowded": (2500, 4500)}.get(kind, (200, 1500))
    height = int(rng.integers(270, 360))
    strength = rng.uniform(4, 40)
    # Matching the medians takes a colour away; what it leaves is a gradient of the frame's own.
    steep = 3 * strength if background == "median" else 0.0
    nights = []
    for _ in range(int(rng.integers(1, 4))):
        colour, drift, gradient = (
            tuple(float(x) for x in rng.uniform(-1, 1, 3) * size * fringed)
            for size in (strength, strength / 3, steep)
        )
        nights.append(
            Night(
                angle_deg=float(rng.uniform(-80, 80)),
                sweep_deg=float(rng.uniform(2, 25)),
                colour=colour,
                colour_drift=drift,
                gradient=gradient,
                gradient_angle_deg=float(rng.uniform(0, 360)),
            )
        )
    n_frames = int(rng.integers(*frames))
    single = strength / 4 * fringed * rng.uniform(-1, 1, (n_frames, 3))
    return SampleSettings(
        n_frames=n_frames,
        shape=(height, int(height * rng.uniform(1.2, 1.78))),
        seed=seed,
        nights=tuple(nights[: max(1, n_frames)]),
        frame_colours=tuple(tuple(map(float, each)) for each in single),
        dither_px=float(rng.uniform(3, 25)),
        stars_per_megapixel=float(rng.uniform(*stars)) if kind != "starless" else 0.0,
        star_fwhm_px=float(rng.uniform(2, 4)),
        sky_gradient=tuple(float(x) for x in rng.uniform(-60, 60, 3)),
        nebula_adu=tuple(float(x) for x in rng.uniform(0, 400 if kind == "nebulous" else 60, 3)),
        nebula_fwhm_px=float(rng.uniform(25, 90)),
        n_nebulae=int(rng.integers(1, 4)) if kind == "nebulous" else int(rng.integers(0, 2)),
        read_noise_adu=float(rng.uniform(4, 15)),
    )


def draw_study(
    settings: SampleSettings, *, background: str = "median", canvas: str = "auto"
) -> MadeUp:
    """Draw what `study_cluster` would make of a sample, with the true transforms."""
    truth = describe_sample(settings)
    rng = np.random.default_rng([settings.seed, 4])
    where = choose_canvas(truth.transforms, settings.shape, canvas)
    cluster = Cluster(f"made_up_{settings.seed}", _frames(truth), (), ())
    times = np.array([cluster.counted.count(k) for k in range(settings.n_frames)], np.float32)
    masks = np.stack([_mask(matrix, where) for matrix in truth.transforms])
    planes = np.stack([_plane(truth, k, where) for k in range(settings.n_frames)])
    noise = math.hypot(
        settings.read_noise_adu, math.sqrt(settings.sky_adu[1] / (settings.gain_e_per_adu or 1e9))
    )
    offsets = np.zeros((settings.n_frames, 3))
    if background == "median":
        offsets = _match(masks, planes, where, noise, rng)
    coverage = np.tensordot(times, masks, 1)
    share = np.maximum(coverage, 1)[..., None]
    raw = _mean_field(masks, times, planes) / share
    planes[:, 2] += offsets
    matched = _mean_field(masks, times, planes) / share
    grain = _grain(rng, where.shape) * np.float32(noise)
    # Independent frames, repeats noisy alike.
    grain *= np.sqrt(np.tensordot(times**2, masks, 1))[..., None] / share
    tile = (matched + grain + _scene(truth, where)).astype(np.float32)
    for picture in (tile, raw, matched):
        picture[coverage == 0] = np.nan
    methods = ["reference", *["astroalign"] * (settings.n_frames - 1)]
    study = ClusterStudy(
        cluster=cluster,
        options=StudyOptions(stack="mean", canvas=canvas, background=background),
        registrations=tuple(
            Registration(matrix, method, 0.1, 50)
            for matrix, method in zip(truth.transforms, methods, strict=True)
        ),
        canvas=where,
        coverage=coverage,
        tile=tile,
        backgrounds=tuple(
            FrameBackground((1.0, 1.0, 1.0), tuple(map(float, offset))) for offset in offsets
        ),
    )
    fringed = bool(np.ptp(truth.sky_colours, axis=0).any() or np.any(truth.gradients))
    return MadeUp(study, matched, raw, "of one's own", fringed, truth, grain)


def true_fields(
    truth: SampleTruth, study: ClusterStudy, reference: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(matched, raw): mean offset of the covering frames, (H, W, 3), of a study really made."""
    where, times = study.canvas, study.cluster.counted
    back = np.linalg.inv(truth.transforms[reference])
    count = np.array([times.count(k) for k in range(len(truth.transforms))], np.float32)
    masks = np.stack([_mask(back @ matrix, where) for matrix in truth.transforms])
    planes = np.stack([_plane(truth, k, where, back) for k in range(len(truth.transforms))])
    seen = np.tensordot(count, masks, 1)[..., None]
    with np.errstate(invalid="ignore"):
        raw = _mean_field(masks, count, planes) / seen
        planes[:, 2] += np.array([each.offset for each in study.backgrounds])
        return _mean_field(masks, count, planes) / seen, raw


def _mask(matrix: np.ndarray, where: Canvas) -> np.ndarray:
    """(H, W) float32: 1 where the frame covers."""
    footprint = find_footprint(where.from_frame(matrix), where.frame_shape, where.shape)
    return footprint.mask().astype(np.float32)


def _plane(
    truth: SampleTruth, index: int, where: Canvas, back: np.ndarray | None = None
) -> np.ndarray:
    """What one frame adds to the sky: (3, 3), along x, along y and at (0, 0) of each colour."""
    height, width = truth.settings.shape
    night = truth.settings.nights[truth.night_of_frame[index]]
    angle = math.radians(night.gradient_angle_deg)
    matrix = truth.transforms[index] if back is None else back @ truth.transforms[index]
    into = np.linalg.inv(where.from_frame(matrix))
    turn = np.array([math.cos(angle), math.sin(angle)])
    along = turn @ into[:2]
    along[2] -= turn @ ((width - 1) / 2, (height - 1) / 2)
    plane = along[:, None] * truth.gradients[index] / math.hypot(height, width)
    plane[2] += truth.sky_colours[index] - truth.settings.sky_adu
    return plane


def _mean_field(masks: np.ndarray, times: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """Sum of the frames' planes where each covers: (H, W, 3)."""
    y, x = (np.arange(size, dtype=np.float32) for size in masks.shape[1:])
    weighted = (planes * times[:, None, None]).astype(np.float32)
    along_x, along_y, level = (np.tensordot(masks, weighted[:, k], (0, 0)) for k in range(3))
    return along_x * x[None, :, None] + along_y * y[:, None, None] + level


def _match(
    masks: np.ndarray, planes: np.ndarray, where: Canvas, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Medians of the differences to the first frame where both cover, and what noise adds."""
    offsets = np.zeros((len(masks), 3))
    for k in range(1, len(masks)):
        y, x = np.nonzero((masks[0] * masks[k])[::7, ::7] > 0)
        places = np.stack([7 * x, 7 * y, np.ones_like(x)], axis=1)
        offsets[k] = np.median(places @ (planes[0] - planes[k]), axis=0)
        offsets[k] += rng.normal(0, noise * 3 / (7 * math.sqrt(len(x))), 3)
    return offsets


@lru_cache(maxsize=1)
def _debayered_noise() -> np.ndarray:
    """Noise of variance 1 a raw pixel, debayered as a frame is: (1600, 1600, 3)."""
    raw = np.random.default_rng(0).normal(32768, 1000, (1600, 1600))
    rgb = cv2.cvtColor(raw.astype(np.uint16), cv2.COLOR_BayerGB2RGB)
    return ((rgb.astype(np.float32) - 32768) / 1000).astype(np.float32)


def _grain(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Noise of one frame all over the canvas: debayered, turned and shifted as frames are."""
    pool = _debayered_noise()
    middle = (pool.shape[0] / 2, pool.shape[1] / 2)
    turn = cv2.getRotationMatrix2D(middle, rng.uniform(0, 360), 1.0)
    turn[:, 2] -= np.array(middle) - (shape[1] / 2, shape[0] / 2) + rng.uniform(-200, 200, 2)
    return cv2.warpAffine(
        pool, turn, shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def _scene(truth: SampleTruth, where: Canvas) -> np.ndarray:
    """The sky without any frame: its level and gradient, nebulae and stars, (H, W, 3)."""
    settings = truth.settings
    (height, width), (oy, ox) = settings.shape, where.offset
    diagonal = math.hypot(height, width)
    y, x = (np.arange(size) for size in where.shape)
    across = (x - ox - (width - 1) / 2)[None, :, None] / diagonal
    scene = np.array(settings.sky_adu) + across * np.array(settings.sky_gradient)
    scene = np.broadcast_to(scene, (*where.shape, 3)).astype(np.float32)
    exponent = -4 * math.log(2) / settings.nebula_fwhm_px**2
    for nx, ny in truth.nebulae:
        light = np.exp(exponent * (y - oy - ny) ** 2)[:, None]
        light = light * np.exp(exponent * (x - ox - nx) ** 2)[None, :]
        scene += light[..., None].astype(np.float32) * np.array(settings.nebula_adu, np.float32)
    return scene + _stars(truth, where)


def _stars(truth: SampleTruth, where: Canvas) -> np.ndarray:
    settings = truth.settings
    drawn = np.zeros((*where.shape, 3), dtype=np.float32)
    sigma = settings.star_fwhm_px / math.sqrt(8 * math.log(2))
    reach = math.ceil(6 * sigma)
    aside = np.array([0.15, 0.0, -0.15])
    steps = np.arange(-reach, reach + 1)
    for (sx, sy), flux in zip(truth.stars, truth.star_fluxes, strict=True):
        cx, cy = sx + where.offset[1], sy + where.offset[0]
        x0, y0 = round(cx), round(cy)
        top, left = y0 - reach, x0 - reach
        bottom, right = y0 + reach + 1, x0 + reach + 1
        if top >= where.shape[0] or left >= where.shape[1] or bottom <= 0 or right <= 0:
            continue
        down = np.exp(-((steps[:, None] + y0 - cy - aside) ** 2) / (2 * sigma**2))
        across = np.exp(-((steps + x0 - cx) ** 2) / (2 * sigma**2))
        stamp = down[:, None, :] * across[None, :, None] * flux / (2 * math.pi * sigma**2)
        cut = (
            slice(max(0, -top), len(steps) - max(0, bottom - where.shape[0])),
            slice(max(0, -left), len(steps) - max(0, right - where.shape[1])),
        )
        drawn[max(0, top) : bottom, max(0, left) : right] += stamp[cut]
    return drawn


def _frames(truth: SampleTruth) -> tuple[FrameInfo, ...]:
    return tuple(
        make_frame(
            path=Path(f"/frames/made_up_{truth.settings.seed}/frame_{k:03d}.fit"),
            shape=truth.settings.shape,
            date=EVENING + timedelta(days=3 * night, seconds=11 * k),
            night=EVENING.date() + timedelta(days=3 * night),
            instrument="Sample camera (like a Seestar S50)",
            object_name="Sample field",
        )
        for k, night in enumerate(truth.night_of_frame)
    )


def colours_of(field: np.ndarray) -> np.ndarray:
    """(H, W, 3) R, G, B → (H, W, 2) R−G, B−G."""
    return np.stack([field[..., 0] - field[..., 1], field[..., 2] - field[..., 1]], axis=-1)


def steps_of(
    field: np.ndarray, coverage: np.ndarray, regions: np.ndarray, core_count: float
) -> np.ndarray:
    """True (R−G, B−G) of each region against the core, the core's gradient taken out, (n + 1, 2).

    The gradient is that of the offsets in the core (one level a count), by plain least
    squares; without a gradient in the offsets that leaves the mean of each region's offsets
    minus the core's.
    """
    colour = colours_of(field).astype(float)
    # A registration that is a fraction of a pixel off covers single pixels more than the truth.
    known = (coverage > 0) & (regions > 0) & np.isfinite(colour).all(axis=-1)
    y, x = np.nonzero(known)
    values, region = colour[known], regions[known]
    core = coverage[known] >= core_count
    count = coverage[known][core].astype(int)
    position = np.column_stack([x, y]) / max(coverage.shape)

    def less_level(a: np.ndarray) -> np.ndarray:
        n = np.maximum(np.bincount(count), 1)
        return a - np.stack([np.bincount(count, weights=c) / n for c in a.T], axis=1)[count]

    slope, *_ = np.linalg.lstsq(less_level(position[core]), less_level(values[core]), rcond=None)
    flat = values - position @ slope
    n = np.bincount(region, minlength=regions.max() + 1)
    with np.errstate(invalid="ignore"):
        means = np.stack(
            [np.bincount(region, weights=c, minlength=regions.max() + 1) / n for c in flat.T],
            axis=1,
        )
    return means - flat[core].mean(axis=0)
