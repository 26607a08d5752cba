"""What a place in a plot says of a threshold."""

from __future__ import annotations

import math
from collections.abc import Callable

from napari_zecoverage.core.parameters import MaskParameters, limits_of


def chosen_threshold(
    name: str,
    value: float,
    most: float,
    stretch_of: Callable[[float], object] | None = None,
) -> float:
    """Return a value within 0…`most`, with the digits that the threshold's field shows.

    Down, so that a value that ends a stretch stays inside it; to the nearest where
    `stretch_of` tells that it lies in the same stretch.
    """
    limits = limits_of(MaskParameters, name)
    digits = 2 if limits is None else limits.decimals
    value = min(max(value, 0.0), most)
    nearest = round(value, digits)
    if stretch_of is not None and nearest <= most and stretch_of(nearest) is stretch_of(value):
        return nearest
    return math.floor(value * 10**digits + 1e-6) / 10**digits
