"""The tabs of the Inspect section. They bring matplotlib: imported with the first study."""

from __future__ import annotations

from typing import Final, NamedTuple

from napari_zecoverage.ui.inspect.coverage_tab import CoverageTab
from napari_zecoverage.ui.inspect.field_tab import FieldTab
from napari_zecoverage.ui.inspect.frames_tab import FramesTab
from napari_zecoverage.ui.inspect.fringe_tab import FringeTab
from napari_zecoverage.ui.inspect.landscape_tab import LandscapeTab
from napari_zecoverage.ui.inspect.plot import Plot
from napari_zecoverage.ui.inspect.plot_tab import LayerBox
from napari_zecoverage.ui.inspect.profile_tab import ProfileTab


class Tabs(NamedTuple):
    """One of each, in the order of `KINDS`."""

    field: FieldTab
    landscape: LandscapeTab
    fringe: FringeTab
    coverage: CoverageTab
    profile: ProfileTab
    frames: FramesTab

    @property
    def plots(self) -> tuple[Plot, ...]:
        """All plots."""
        return tuple(each.plot for each in self[:-1])

    @property
    def layer_boxes(self) -> tuple[LayerBox, ...]:
        """The boxes that put a layer into the viewer."""
        return (*self.profile.boxes, *self.frames.boxes)


KINDS: Final = (FieldTab, LandscapeTab, FringeTab, CoverageTab, ProfileTab, FramesTab)
