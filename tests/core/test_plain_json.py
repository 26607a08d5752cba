"""Our values as JSON has them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_zecoverage.core.plain_json import plain


class Pair(NamedTuple):
    one: float
    other: object


@dataclass
class Holder:
    pair: Pair
    place: Path


def test_what_we_have_becomes_what_json_has() -> None:
    found = plain(Holder(Pair(math.nan, np.arange(4).reshape(2, 2)), Path("a/b")))
    assert found == {
        "pair": {"one": None, "other": [[0, 1], [2, 3]]},
        "place": str(Path("a/b")),
    }
    assert plain({1: (True, None, "words", np.bool_(True), np.float32(math.inf))}) == {
        "1": [True, None, "words", True, None]
    }
    assert plain(np.array([[1.5, math.nan]], np.float32)) == [[1.5, None]]
    assert plain(np.array(2)) == 2


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
        max_leaves=10,
    )
)
def test_all_of_it_is_json(value: object) -> None:
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == plain(value)
