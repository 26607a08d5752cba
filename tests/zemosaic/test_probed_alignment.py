"""The alignment's answer is not believed unchecked."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from napari_zecoverage.zemosaic import probed_alignment


@pytest.mark.parametrize(
    "shape",
    [[10**30, 10**30], [4096, 4096], [-8, -8], [0, 8], [True, 8], [8.0, 8], ["8", 8], [8], 8, None],
)
def test_shape_of_a_frame_is_not_believed(shape: Any) -> None:
    all_set = base64.b64encode(b"\xff" * 8).decode()
    frame = {"shape": shape, "finite": all_set, "zero": all_set}
    assert probed_alignment._aligned_of([{**frame, "shape": [8, 8]}], 1) is not None
    assert probed_alignment._aligned_of([frame], 1) is None
