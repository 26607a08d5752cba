"""What a ZeMosaic's lecropper answered, beside our own mask."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.mask_choice import mask_with_fallbacks
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.bounded_run import Run
from napari_zecoverage.zemosaic.findings import Finding
from napari_zecoverage.zemosaic.installation import Interpreter
from napari_zecoverage.zemosaic.made_up import make_coverage
from napari_zecoverage.zemosaic.probing import MASK_SETTINGS, bytes_of, failure_of, image_for

SAME_ALPHA: Final = 1e-5


def lecropper_finding(run: Run, chosen: Interpreter, timeout_s: float, memory_mb: int) -> Finding:
    """Say whether lecropper gave our alpha, and whether thresholds change its own."""
    failure = failure_of(run, "Lecropper", chosen, timeout_s, memory_mb)
    if failure:
        return Finding("lecropper", "not-run", None, failure)
    coverage = make_coverage()
    result = run.answer.get("result")
    alphas = _alphas(result, coverage.shape)
    if not isinstance(result, dict) or alphas is None:
        text = "Lecropper's answer makes no sense (not a mask for each of the settings)."
        return Finding("lecropper", "not-run", None, text)
    if result.get("taken") is not True:
        text = (
            "Its lecropper takes no coverage with thresholds: it ran without them, and thresholds "
            "cannot act there."
        )
        return Finding("lecropper", "no-coverage-arguments", False, text)
    ours = [_our_alpha(coverage, each) for each in MASK_SETTINGS]
    apart = [float(np.abs(a - b).max()) for a, b in zip(alphas, ours, strict=True)]
    if all(each <= SAME_ALPHA for each in apart):
        text = (
            f"Its lecropper gives our alpha: the same at every pixel for {len(apart)} settings "
            "on a made-up coverage."
        )
        return Finding("lecropper", "same", True, text)
    if all(np.array_equal(alphas[0], each) for each in alphas[1:3]):
        text = "Its lecropper takes the thresholds, but gives one mask whatever they are."
        return Finding("lecropper", "no-effect", False, text)
    text = (
        f"Its lecropper gives another alpha than ours for {sum(a > SAME_ALPHA for a in apart)} of "
        f"{len(apart)} settings, by up to {max(apart):.3g}: thresholds act, but not as shown here."
    )
    return Finding("lecropper", "differs", False, text)


def _our_alpha(coverage: NDArray[np.float32], settings: MaskParameters) -> NDArray[np.float32]:
    alpha = mask_with_fallbacks(image_for(coverage), coverage, settings).alpha
    assert alpha is not None  # there is a picture
    return alpha


def _alphas(result: Any, shape: tuple[int, ...]) -> list[NDArray[np.float32]] | None:
    """Return the masks of an answer, None when it is not one mask a setting."""
    spelled = result.get("alphas") if isinstance(result, dict) else None
    if not isinstance(spelled, list) or len(spelled) != len(MASK_SETTINGS):
        return None
    alphas = []
    for each in spelled:
        raw = bytes_of(each, 4 * math.prod(shape))
        if raw is None:
            return None
        alpha = np.frombuffer(raw, dtype="<f4").reshape(shape).astype(np.float32)
        # A lying NaN would be equal to nothing, and larger than nothing.
        alphas.append(np.nan_to_num(alpha, nan=-1.0, posinf=2.0, neginf=-1.0))
    return alphas
