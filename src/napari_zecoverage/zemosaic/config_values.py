"""The values of ZeMosaic's config: whether two are the same, and how they are spelled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from napari_zecoverage.core.parameters import MaskParameters


class Missing(Enum):
    """The old value of a key that the file did not have."""

    MISSING = "not in the file"


MISSING: Final = Missing.MISSING


class KeyChange(NamedTuple):
    """One key that an export changes: its name, its old value (or `MISSING`), its new one."""

    key: str
    old: Any
    new: Any


def spelled(value: Any) -> str:
    """Return a config's value for people, as the file spells it, never long."""
    if value is MISSING:
        return Missing.MISSING.value
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[KeyChange, ...]:
    """Return the keys whose values differ, those of `new` first, in their order."""
    keys = [*new, *(key for key in old if key not in new)]
    pairs = ((key, old.get(key, MISSING), new.get(key, MISSING)) for key in keys)
    return tuple(KeyChange(*pair) for pair in pairs if not same_value(*pair[1:]))


def same_value(old: Any, new: Any) -> bool:
    """Tell whether two values, or their absence, are the same, however they are spelled."""
    if old is MISSING or new is MISSING:
        return old is new
    try:
        # As text: NaN is NaN. As values: 3 is 3.0. For Python, True is 1 as well.
        return json.dumps(old) == json.dumps(new) or bool(
            old == new and isinstance(old, bool) == isinstance(new, bool)
        )
    except RecursionError:
        return False


def value_as_read(key: str, value: Any) -> Any:
    """Return what ZeMosaic takes for a value, as far as this is one of our keys."""
    config = {} if value is MISSING else {key: value}
    return MaskParameters.from_config(config).to_config().get(key, value)
