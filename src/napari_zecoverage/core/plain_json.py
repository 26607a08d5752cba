"""Values as JSON has them: what it has no number for is null."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from os import PathLike
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Turn what we have into what JSON has.

    Dataclasses and named tuples become objects by their fields' names; arrays, tuples and
    lists arrays; NumPy's numbers plain ones; NaN and the infinities null; paths text.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, PathLike) else value
