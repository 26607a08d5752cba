"""Frame → reference transforms: by matching stars, else by a checked phase correlation."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Literal, NamedTuple

import astroalign
import cv2
import numpy as np
import sep
from numpy.typing import NDArray

log = logging.getLogger(__name__)

DETECTION_SIGMA: Final = 3.0
"""ZeMosaic's detection limit, in standard deviations of the background."""

MIN_AREA: Final = 5
"""ZeMosaic's smallest star, in connected pixels."""

MAX_CONTROL_POINTS: Final = 50
"""ZeMosaic matches at most so many stars, the brightest ones."""

MIN_STARS: Final = 3
"""A transform needs one triangle."""

SCALE_RANGE: Final = (0.9, 1.1)
"""Frames of one cluster come from one telescope: another scale is a false match."""

MATCH_RADIUS_PX: Final = 2.0
"""Two stars closer than this are the same one (astroalign's tolerance)."""

MIN_RADIUS_PX: Final = 0.5
"""No pair of stars closer than this is dropped from a fit."""

RESCUE_MIN_STAR_SHARE: Final = 0.5
"""A rescue is believed when this share of the stars in the overlap meet a star."""

RESCUE_MIN_CORRELATION: Final = 0.2
"""Without enough stars, a rescue is believed from this correlation over the overlap on.
Real frames of two nights give 0.3 at the right shift, 0.06 at a wrong one."""

RESCUE_MIN_SHIFT_PX: Final = 0.5
"""Fixed-pattern noise agrees with itself where nothing is shifted: without stars, no shift
is no proof."""

RESCUE_MIN_OVERLAP: Final = 0.1
"""A rescue that would leave less of the frame than this on the reference is not believed."""


class _RandomWithoutChance:
    """`numpy.random` whose generators, where no seed is named, all begin alike."""

    @staticmethod
    def default_rng(seed: Any = 1) -> np.random.Generator:
        return np.random.default_rng(1 if seed is None else seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(np.random, name)


class _NumpyWithoutChance:
    """NumPy as our astroalign sees it."""

    random: Final = _RandomWithoutChance()

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def _astroalign_without_chance() -> ModuleType:
    """Return an astroalign of our own, which tries triangles in the same order each time.

    It takes the first that fits. With few stars another one first may give pairs of stars
    of which the fit keeps one more or less, and a study would differ from its repetition.
    A copy, so that nobody else's astroalign or NumPy is changed.
    """
    spec = astroalign.__spec__
    own = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(own)
    if getattr(own, "_np", None) is np:
        own._np = _NumpyWithoutChance()  # type: ignore[attr-defined]
    else:
        log.warning(
            "astroalign %s draws its triangles by chance: with few stars, transforms may differ "
            "from one study to the next",
            getattr(own, "__version__", "of this version"),
        )
    return own


_astroalign: Final = _astroalign_without_chance()

Method = Literal["reference", "astroalign", "fft", "failed"]
Points = NDArray[np.float64]
Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Registration:
    """Where one frame lies on the reference.

    Attributes
    ----------
    matrix : (3, 3) float64 array or None
        Frame (x, y) → reference (x, y); None when the frame is left out.
    method : {"reference", "astroalign", "fft", "failed"}
        "fft" is a rescue by phase correlation, "failed" a frame that is left out.
    rms_px : float or None
        Root mean square distance of the matched stars, in pixels.
    n_stars : int
        Matched stars.
    reason : str
        Why the frame was rescued or left out, in words; else empty.
    """

    matrix: NDArray[np.float64] | None
    method: Method
    rms_px: float | None = None
    n_stars: int = 0
    reason: str = ""

    @property
    def used(self) -> bool:
        """Whether the frame is counted."""
        return self.matrix is not None


@dataclass(frozen=True)
class Reference:
    """What every frame is registered on; made once a cluster.

    Attributes
    ----------
    stars : (n, 2) float64 array
        (x, y) of the brightest stars.
    luminance : (H, W) float32 array
        Mean of the channels.
    """

    stars: Points
    luminance: Picture


def find_stars(luminance: Picture) -> Points:
    """Find the stars that ZeMosaic would match.

    Parameters
    ----------
    luminance : (H, W) float32 array
        Mean of the channels.

    Returns
    -------
    (n, 2) float64 array
        (x, y), brightest first, at most 50. Empty for a picture without stars.
    """
    picture = np.ascontiguousarray(luminance, dtype=np.float32)
    try:
        background = sep.Background(picture)
        threshold = DETECTION_SIGMA * background.globalrms
        if not threshold > 0:
            return np.empty((0, 2))
        found = sep.extract(picture - background.back(), threshold, minarea=MIN_AREA)
    except Exception as error:  # noqa: BLE001 - sep raises bare Exception, e.g. for a full pixel buffer
        log.debug("no stars: %s", error)
        return np.empty((0, 2))
    brightest = np.argsort(found["flux"], kind="stable")[::-1][:MAX_CONTROL_POINTS]
    return np.column_stack([found["x"][brightest], found["y"][brightest]]).astype(np.float64)


def register_frame(luminance: Picture, stars: Points, reference: Reference) -> Registration:
    """Find the transform of a frame onto the reference.

    Parameters
    ----------
    luminance : (H, W) float32 array
        Mean of the frame's channels.
    stars : (n, 2) float64 array
        Its stars, of `find_stars`.
    reference : Reference

    Returns
    -------
    Registration
        Never raises for a picture without a match: that is a "failed" one.
    """
    registration, reason = _match_stars(stars, reference.stars)
    if registration is not None:
        return registration
    return _rescue(luminance, stars, reference, reason)


def _match_stars(stars: Points, reference_stars: Points) -> tuple[Registration | None, str]:
    """Match by triangles of stars; None and the reason where there is no match."""
    if len(stars) < MIN_STARS:
        return None, f"only {len(stars)} stars found, {MIN_STARS} are needed"
    if len(reference_stars) < MIN_STARS:
        return None, f"the reference has only {len(reference_stars)} stars"
    try:
        transform, _ = _astroalign.find_transform(
            stars, reference_stars, max_control_points=MAX_CONTROL_POINTS
        )
    except (_astroalign.MaxIterError, ValueError, TypeError, IndexError, np.linalg.LinAlgError):
        return None, f"none of its {len(stars)} stars match the reference's"
    matrix = np.asarray(transform.params, dtype=np.float64)
    if not np.isfinite(matrix).all():
        return None, f"none of its {len(stars)} stars match the reference's"
    fit = _refine(matrix, stars, reference_stars)
    scale = float(np.hypot(fit.matrix[0, 0], fit.matrix[1, 0]))
    if fit.n_stars < MIN_STARS or not SCALE_RANGE[0] <= scale <= SCALE_RANGE[1]:
        # Any triangle is like some other one; a mirrored one even fits itself.
        return None, f"the match of its {len(stars)} stars does not hold"
    return Registration(fit.matrix, "astroalign", fit.rms_px, fit.n_stars), ""


class _Fit(NamedTuple):
    matrix: NDArray[np.float64]
    rms_px: float | None
    n_stars: int


def _refine(matrix: NDArray[np.float64], stars: Points, reference_stars: Points) -> _Fit:
    """Fit the similarity again on every star that meets one, until the pairs stay the same.

    astroalign weights a star by the triangles it is part of. Two stars that flow
    into one are found off their place: pairs much further apart than most are
    dropped in the end.
    """
    fit = _fit_until_settled(matrix, stars, reference_stars, MATCH_RADIUS_PX)
    if fit.rms_px is None:
        return fit
    typical = float(np.median(_distances(fit.matrix, stars, reference_stars, MATCH_RADIUS_PX)))
    radius = min(MATCH_RADIUS_PX, max(MIN_RADIUS_PX, 3 * typical))
    closer = _fit_until_settled(fit.matrix, stars, reference_stars, radius)
    return closer if closer.n_stars >= MIN_STARS else fit


def _fit_until_settled(
    matrix: NDArray[np.float64], stars: Points, reference_stars: Points, radius: float
) -> _Fit:
    pairs = _pair_stars(matrix, stars, reference_stars, radius)
    for _ in range(10):
        if len(pairs) < MIN_STARS:
            break
        matrix = _fit_similarity(stars[pairs[:, 0]], reference_stars[pairs[:, 1]])
        again = _pair_stars(matrix, stars, reference_stars, radius)
        if np.array_equal(again, pairs):
            break
        pairs = again
    misses = _distances(matrix, stars, reference_stars, radius)
    if misses.size == 0:
        return _Fit(matrix, None, 0)
    return _Fit(matrix, float(np.sqrt(np.square(misses).mean())), len(misses))


def _distances(
    matrix: NDArray[np.float64], stars: Points, reference_stars: Points, radius: float
) -> NDArray[np.float64]:
    """Distance of each pair of matched stars, in pixels."""
    pairs = _pair_stars(matrix, stars, reference_stars, radius)
    miss = apply_matrix(matrix, stars[pairs[:, 0]]) - reference_stars[pairs[:, 1]]
    distances: NDArray[np.float64] = np.hypot(miss[:, 0], miss[:, 1])
    return distances


def apply_matrix(matrix: NDArray[np.float64], points: Points) -> Points:
    """Move (n, 2) points (x, y) by an affine (3, 3) matrix."""
    moved: Points = points @ matrix[:2, :2].T + matrix[:2, 2]
    return moved


def _pair_stars(
    matrix: NDArray[np.float64], stars: Points, reference_stars: Points, radius: float
) -> NDArray[np.int64]:
    """Return (n, 2) indexes of stars that are each other's nearest, within the radius."""
    moved = apply_matrix(matrix, stars)
    distance = np.linalg.norm(moved[:, None] - reference_stars[None], axis=2)
    nearest = distance.argmin(axis=1)
    own = np.arange(len(stars))
    mutual = distance.argmin(axis=0)[nearest] == own
    close = distance[own, nearest] <= radius
    kept = own[mutual & close]
    return np.column_stack([kept, nearest[kept]])


def _fit_similarity(source: Points, target: Points) -> NDArray[np.float64]:
    """Least-squares shift, rotation and scale; in complex numbers, target = a·source + b."""
    z, w = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    z0, w0 = z.mean(), w.mean()
    a = np.vdot(z - z0, w - w0) / np.vdot(z - z0, z - z0)
    b = w0 - a * z0
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag], [0.0, 0.0, 1.0]])


def _rescue(luminance: Picture, stars: Points, reference: Reference, reason: str) -> Registration:
    """Try a plain shift by phase correlation, and believe it only when it is checked.

    Under rotation a phase correlation is confidently wrong, and fixed-pattern
    noise pulls it to no shift at all (ZEMOSAIC.md §12), so its own response
    counts for nothing here.
    """
    if luminance.shape != reference.luminance.shape:
        return _failed(f"{reason}; its shape {luminance.shape} is not the reference's")
    ours, theirs = _structure(luminance), _structure(reference.luminance)
    if ours is None or theirs is None:
        return _failed(f"{reason}, and it has no structure to correlate")
    height, width = ours.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(ours, theirs, window)
    overlap = max(0.0, 1 - abs(dx) / width) * max(0.0, 1 - abs(dy) / height)
    shift = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])
    told = f"{reason}; a phase correlation suggests a shift of ({dx:.1f}, {dy:.1f}) px"
    if not overlap >= RESCUE_MIN_OVERLAP:
        return _failed(f"{told}, which leaves too little of it on the reference")
    if len(stars) >= MIN_STARS and len(reference.stars) >= MIN_STARS:
        return _checked_by_stars(shift, stars, reference, told)
    return _checked_by_correlation(shift, ours, theirs, told)


def _failed(reason: str) -> Registration:
    return Registration(None, "failed", reason=reason)


def _structure(luminance: Picture) -> Picture | None:
    """Keep what is between a star and a nebula in size, evened out; None for an empty picture."""
    if luminance.min() == luminance.max():
        return None
    # The median takes single hot pixels, which stay where they are from frame to frame.
    calm = cv2.medianBlur(np.ascontiguousarray(luminance, dtype=np.float32), 3)
    band = cv2.GaussianBlur(calm, (0, 0), 2.0) - cv2.GaussianBlur(calm, (0, 0), 20.0)
    spread = 1.4826 * float(np.median(np.abs(band)))
    if not spread > 0:
        spread = float(band.std())
    if not (spread > 0 and np.isfinite(spread)):
        return None
    even: Picture = np.clip(band / spread, -10.0, 10.0).astype(np.float32)
    return even


def _checked_by_stars(
    shift: NDArray[np.float64], stars: Points, reference: Reference, told: str
) -> Registration:
    height, width = reference.luminance.shape
    moved = apply_matrix(shift, stars)
    landed = ((moved >= 0) & (moved <= (width - 1, height - 1))).all(axis=1)
    back = reference.stars - shift[:2, 2]
    there = ((back >= 0) & (back <= (width - 1, height - 1))).all(axis=1)
    possible = min(int(landed.sum()), int(there.sum()))
    met = len(_pair_stars(shift, stars, reference.stars, MATCH_RADIUS_PX))
    if met < max(MIN_STARS, RESCUE_MIN_STAR_SHARE * possible):
        return _failed(f"{told}, but only {met} of {possible} stars then fall on a star")
    fit = _refine(shift, stars, reference.stars)
    return Registration(
        fit.matrix, "fft", fit.rms_px, fit.n_stars, f"{told}; {met} of {possible} stars agree"
    )


def _checked_by_correlation(
    shift: NDArray[np.float64], ours: Picture, theirs: Picture, told: str
) -> Registration:
    if np.hypot(*shift[:2, 2]) < RESCUE_MIN_SHIFT_PX:
        return _failed(f"{told}, which the sensor's own pattern would give as well")
    height, width = theirs.shape
    moved = cv2.warpAffine(
        ours, shift[:2], (width, height), flags=cv2.INTER_LINEAR, borderValue=float("nan")
    )
    both = np.isfinite(moved)
    a, b = moved[both], theirs[both]
    if a.size == 0 or not (a.std() > 0 and b.std() > 0):
        return _failed(f"{told}, which cannot be checked")
    correlation = float(np.corrcoef(a, b)[0, 1])
    if not correlation >= RESCUE_MIN_CORRELATION:
        # Added to 0, a "-0.00" is none.
        agreement = round(correlation, 2) + 0.0
        return _failed(f"{told}, but the pictures then agree by only {agreement:.2f}")
    return Registration(
        shift, "fft", None, 0, f"{told}; the pictures agree by {correlation:.2f} there"
    )
