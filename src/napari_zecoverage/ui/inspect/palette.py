"""The colours that the plots mean something by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from napari_zecoverage.core.levels import Branch

# Of Okabe and Ito, told apart with any colour vision.
ORANGE: Final = "#E69F00"
SKY_BLUE: Final = "#56B4E9"
GREEN: Final = "#009E73"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"

BRANCH_COLOURS: Final[dict[Branch, str]] = {
    "low-signal": ORANGE,
    "radial": PURPLE,
    "dropped": VERMILLION,
}
BRANCH_LABELS: Final[dict[Branch, str]] = {
    "low-signal": "low-signal mask",
    "radial": "radial mask",
    "dropped": "mask dropped",
}
