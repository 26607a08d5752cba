"""What a place in a plot says of a threshold."""

from __future__ import annotations

import math

from napari_zecoverage.core.parameters import MaskParameters, limits_of


def chosen_threshold(name: str, value: float, most: float) -> float:
    """Return a value within 0…`most`, down to the digits that the threshold's field shows.

    Down, so that a value that ends a stretch stays inside it.
    """
    limits = limits_of(MaskParameters, name)
    scale = 10 ** (2 if limits is None else limits.decimals)
    return math.floor(min(max(value, 0.0), most) * scale + 1e-6) / scale
