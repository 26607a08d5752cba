"""A stand-in for ZeMosaic's lecropper, right by ZEMOSAIC.md §11; SciPy, one step a line."""

import numpy as np
from scipy import ndimage


def mask_altaz_artifacts(
    picture,
    margin_percent=5.0,
    decay_ratio=0.15,
    return_mask=False,
    coverage=None,
    min_coverage_abs=3.0,
    min_coverage_frac=0.4,
    morph_open_px=3,
):
    threshold = max(min_coverage_abs, min_coverage_frac * float(coverage.max()))
    good = coverage >= np.float32(threshold)
    if morph_open_px:
        cross_or_square = 1 if morph_open_px == 1 else 2
        structure = ndimage.generate_binary_structure(2, cross_or_square)
        good = ndimage.binary_opening(good, structure)
    margin_px = max(1.0, margin_percent / 100 * min(coverage.shape))
    share = np.minimum(ndimage.distance_transform_edt(good) / margin_px, 1.0)
    alpha = (share ** (1 / max(decay_ratio, 1e-3))).astype(np.float32)
    masked = np.where(alpha[..., None] > 0, picture, np.nan)
    return (masked, alpha) if return_mask else masked
