"""The layers we own: `tile`, `master tile`, `coverage`, `fringe`, `removed`, and two outlines."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from napari.layers import Image, Layer, Vectors

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.parts import NOTHING, WHOLE, Part
from napari_zecoverage.picture import (
    FRINGE_COLOURS,
    divided,
    fringe_colours,
    outline,
)
from napari_zecoverage.ui.layer_data import (
    coverage_layer,
    fringe_layer,
    master_tile_layer,
    pyramid,
    removed_layer,
    strokes_layer,
    tile_layer,
    whole_data,
)
from napari_zecoverage.ui.own_layers import is_marked, left_behind, mark

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.utils.events.event import EventBlocker
    from numpy.typing import NDArray

    from napari_zecoverage.core.studied import ClusterStudy

_ORDER: Final = (
    "tile",
    "master tile",
    "coverage",
    "fringe",
    "removed",
    "kept edge",
    "saved tile",
)
_PICTURES: Final = ("tile", "master tile", "coverage", "fringe", "removed")
# A layer that holds nothing at all cannot be drawn in napari's 3D display: a stroke without
# length shows nothing either.
_NO_STROKES: Final = np.zeros((1, 2, 2), np.float32)
# What users set in napari's controls of a layer, and a study does not.
_USERS_OWN: Final = ("name", "visible", "opacity", "blending", "gamma", "interpolation2d")
# Strokes that fit in a layer's memory; twice, four times, … as many where there are more.
_ROOM: Final = {"kept edge": 512, "saved tile": 4}


def _room_for(name: str, strokes: NDArray[np.float32]) -> int:
    room = _ROOM[name]
    while room < len(strokes):
        room *= 2
    return room


class _Looks(NamedTuple):
    """How the user wants a layer that is not there now, and right above which other."""

    settings: dict[str, Any]
    below: weakref.ref[Layer] | None


class ClusterLayers:
    """The layers of one cluster in one viewer.

    Layers are kept as objects, never looked up by name: the user's own layers
    are not touched whatever they are called. A layer that the user deleted
    stays away until the next cluster is shown.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer, or a model of one.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layers: dict[str, Layer] = {}
        self._looks: dict[str, _Looks] = {}
        self._coverage_colours = "viridis"
        # What `removed` shows, as it was given; the layer has memory of its own.
        self._removed: NDArray[np.uint8] | None = None
        # Of another canvas, which may be left before all its layers have come.
        self._view_is_due = False
        # The layers' memory, as long as nobody gave them other data.
        self._own: NDArray[np.uint8] | None = None
        self._own_strokes: dict[str, NDArray[np.float32]] = {}
        # Those that show what only the canvas was told of.
        self._untold: set[str] = set()

    def __getitem__(self, name: str) -> Layer | None:
        """Return our layer `name`, None when it is not (or no longer) in the viewer."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def show_study(
        self,
        study: ClusterStudy,
        shown: NDArray[np.float32] | None,
        master_tile: tuple[NDArray[np.float32], tuple[int, int]] | None = None,
    ) -> None:
        """Show another cluster: its stretched tile, its coverage, and nothing removed yet.

        `master_tile` is the run's own tile, stretched, and the place (y, x) of its
        first pixel on the canvas.
        """
        for _ in self.steps_to_show(study, shown, master_tile):
            pass
        self.fit_view()

    def steps_to_show(
        self,
        study: ClusterStudy,
        shown: NDArray[np.float32] | None,
        master_tile: tuple[NDArray[np.float32], tuple[int, int]] | None = None,
    ) -> Iterator[None]:
        """Do as `show_study`, pausing after each layer: napari takes long to add one."""
        # Those that a dock before left are of another study, too, when this one has none such.
        for name in _ORDER:
            self._find(name)
        canvas = study.canvas.shape
        self._view_is_due |= self._shape() != canvas
        self._show("tile", None if shown is None else tile_layer(shown))
        yield
        self._show("master tile", None if master_tile is None else master_tile_layer(*master_tile))
        yield
        coverage = study.coverage
        self._show(
            "coverage",
            None if coverage is None else coverage_layer(coverage, self._coverage_colours),
        )
        yield
        self._own = np.zeros(canvas, dtype=np.uint8)
        self._show("removed", removed_layer(self._own))
        self._removed = None
        yield
        self._show("kept edge", strokes_layer("kept edge", _NO_STROKES.copy(), canvas))
        yield
        self._show("saved tile", strokes_layer("saved tile", outline(Rect(0, 0, *canvas)), canvas))
        if self._view_is_due:
            self._viewer.reset_view()
        if not self._viewer.layers.selection:
            # The picture is what there is to look into.
            self._viewer.layers.selection.active = self["tile"] or self["coverage"]

    def fit_view(self) -> None:
        """Have another canvas fill the view, once all other layers are of it, too."""
        if self._view_is_due:
            self._view_is_due = False
            self._viewer.reset_view()

    def show_fringe(
        self,
        colour: NDArray[np.float32] | None,
        reach: float = 1.0,
        colours: str = fringe_colours(FRINGE_COLOURS[0], 0),
    ) -> None:
        """Show a fringe map as `fringe_layer` does; None takes the layer away."""
        self._show("fringe", None if colour is None else fringe_layer(colour, reach, colours))

    def seen_part(self) -> Part:
        """Return which pixels of `removed` the canvas shows, at the screen's resolution.

        None of them where the user deleted it, or gave it other data.
        """
        layer = self["removed"]
        if layer is None or not self._is_own(layer):
            return NOTHING
        if not layer.multiscale:
            return WHOLE
        step = 2**layer.data_level
        first, last = layer.corner_pixels[:, -2:].astype(int)
        # One more on each side: napari rounds.
        rows, columns = (
            slice(max(0, start - 1) * step, (stop + 2) * step, step)
            for start, stop in zip(first.tolist(), last.tolist(), strict=True)
        )
        return rows, columns

    def show_seen(self, removed: NDArray[np.uint8], part: Part) -> None:
        """Show what the present thresholds take away of a part; quick, for every tick of a slider.

        All else of the layer follows with `show_removed`. napari's list of layers, and
        whoever listens to the layer's data, are told by `steps_to_tell`.
        """
        layer = self["removed"]
        if layer is None or not self._is_own(layer):
            return
        self._removed = None
        # Data of the same shape change nothing else.
        whole_data(layer)[part] = removed
        self._draw_picture(layer)
        self._untold.add("removed")

    def show_removed(self, removed: NDArray[np.uint8]) -> None:
        """Show what the present thresholds take away of the whole canvas."""
        layer = self["removed"]
        if layer is None or removed is self._removed:
            return
        self._removed = removed
        if not self._is_own(layer):
            self._own = removed.copy()
            layer.data = pyramid(self._own)
            return
        shown, seen = whole_data(layer), self.seen_part()
        differs = not np.array_equal(shown[seen], removed[seen])
        np.copyto(shown, removed)
        if differs:
            self._draw_picture(layer)
        self._untold.add("removed")

    def _draw_picture(self, layer: Layer) -> None:
        """Have the canvas, and nobody else, take what is in a picture's memory now.

        What napari has of a picture to draw is a view of its memory, and need not be cut
        out anew; when the layer is seen again it is.
        """
        if layer.visible:
            with self._list_left_alone():
                layer.events.set_data()

    def _is_own(self, layer: Layer) -> bool:
        """Tell whether a layer shows our memory; data of somebody else are not ours to write in."""
        return whole_data(layer) is self._own

    def steps_to_outline(self, edge: NDArray[np.float32], saved_rect: Rect) -> Iterator[None]:
        """Show the outlines of what stays, pausing after each: so are they drawn."""
        for name, strokes in (("kept edge", edge), ("saved tile", outline(saved_rect))):
            with self._list_left_alone():
                self._show_strokes(name, strokes)
            yield

    def steps_to_tell(self) -> Iterator[None]:
        """Tell napari's list of layers, and whoever listens, what only the canvas shows yet."""
        while self._untold:
            name = self._untold.pop()
            layer = self[name]
            if layer is not None:
                # The list's small picture of strokes is black whatever they are.
                small = name == "removed"
                layer.refresh(thumbnail=small, data_displayed=False, highlight=False)
                layer.events.data(value=layer.data)
                yield

    def _list_left_alone(self) -> EventBlocker:
        """Keep napari's list of layers from drawing itself anew.

        It draws all its rows for every event of a layer, and takes as long as the picture.
        """
        return self._viewer.layers.events.blocker()

    def show_picture(self, name: str, shown: NDArray[np.float32]) -> None:
        """Show `tile` or `master tile`, stretched otherwise."""
        layer = self[name]
        if layer is not None:
            layer.data = pyramid(shown)

    def set_coverage_colours(self, colours: str) -> None:
        """Show counts in other colours, one of `picture.COUNT_COLOURS`, now and from now on."""
        self._coverage_colours = colours
        layer = self["coverage"]
        if layer is not None:
            layer.colormap = coverage_layer(whole_data(layer), colours)[1]["colormap"]

    def toggle_removed(self) -> None:
        """Show what is removed, or the tile as it was before."""
        layer = self._find("removed")
        if layer is not None:
            layer.visible = not layer.visible

    def _show_strokes(self, name: str, strokes: NDArray[np.float32]) -> None:
        """Show other strokes, in the layer's own memory where they fit.

        Given other data, napari draws a small picture for its list, stroke by stroke, and
        takes ten times as long.
        """
        layer = self[name]
        if layer is None:
            return
        if not len(strokes):
            strokes = _NO_STROKES
        own = self._own_strokes.get(name)
        if own is not None and layer.data is own and len(strokes) <= len(own):
            shown = divided(strokes, len(own))
            if not np.array_equal(own, shown):
                own[:] = shown
                layer.refresh(extent=False, thumbnail=False, highlight=False)
                self._untold.add(name)
        elif not np.array_equal(layer.data, strokes):
            layer.data = divided(strokes, _room_for(name, strokes))
            self._own_strokes[name] = layer.data

    def _shape(self) -> tuple[int, ...] | None:
        layer = self["removed"]
        return None if layer is None else whole_data(layer).shape

    def _find(self, name: str) -> Layer | None:
        """Return our layer; one that a dock before left in the viewer becomes ours."""
        layer = self[name] or left_behind(self._viewer, name)
        if layer is not None:
            self._layers[name] = layer
        return layer

    def _show(self, name: str, layer_data: tuple[Any, dict[str, Any], str] | None) -> None:
        layer = self._find(name)
        if layer_data is None:
            if layer is not None:
                self._take_away(name, layer)
            return
        if layer is None:
            self._layers[name] = self._add(name, layer_data)
            return
        data, settings, _ = layer_data
        shaped = pyramid(data) if name in _PICTURES else data
        if getattr(layer, "multiscale", False) != isinstance(shaped, list):
            # napari knows no way from one to the other.
            self._replace(name, layer, layer_data)
            return
        layer.data = shaped
        # data= keeps the limits and colours of the cluster before.
        if "contrast_limits" in settings:
            layer.contrast_limits_range = settings["contrast_limits"]
            layer.contrast_limits = settings["contrast_limits"]
            layer.colormap = settings["colormap"]
        if "edge_width" in settings:
            layer.edge_width = settings["edge_width"]
        if "translate" in settings:
            layer.translate = settings["translate"]

    def _replace(self, name: str, old: Layer, layer_data: tuple[Any, dict[str, Any], str]) -> None:
        """Put another layer in the place of one, looking as the user wants it."""
        active = self._viewer.layers.selection.active is old
        self._take_away(name, old)
        layer = self._layers[name] = self._add(name, layer_data)
        if active:
            self._viewer.layers.selection.active = layer

    def _take_away(self, name: str, layer: Layer) -> None:
        """Remove a layer; the next of its name looks as the user wants it."""
        layers = self._viewer.layers
        at = layers.index(layer)
        below = weakref.ref(layers[at - 1]) if at else None
        self._looks[name] = _Looks(_users_own(layer), below)
        layers.remove(layer)

    def _add(self, name: str, layer_data: tuple[Any, dict[str, Any], str]) -> Layer:
        data, settings, kind = layer_data
        layer = Vectors(data, **settings) if kind == "vectors" else _image(data, settings)
        looks = self._looks.pop(name, None)
        if looks is not None:
            for setting, value in looks.settings.items():
                setattr(layer, setting, value)
        elif name == "coverage":
            # It would hide the tile; one click on its eye shows it.
            layer.visible = self["tile"] is None
        elif name in ("master tile", "fringe"):
            layer.visible = False  # it would hide the tile; one click on its eye shows it
        if name in ("coverage", "fringe") and hasattr(layer, "colorbar"):
            _add_colour_bar_once_seen(layer)
        mark(layer, name)
        self._insert(self._place(name, looks), layer)
        return layer

    def _insert(self, place: int, layer: Layer) -> None:
        """Insert a layer and leave the selection as it is.

        napari would select the layer, show its controls and draw the window for that.
        """
        selection = self._viewer.layers.selection
        selected = set(selection)
        with selection.events.blocker_all():
            self._viewer.layers.insert(place, layer)
            selection.clear()
            selection.update(selected)

    def _place(self, name: str, looks: _Looks | None) -> int:
        """Return where a layer belongs: where the user had it, or above those before it."""
        layers = self._viewer.layers
        if looks is not None:
            if looks.below is None:
                return 0
            right_below = looks.below()
            if right_below is not None and right_below in layers:
                return layers.index(right_below) + 1
        below = [self[each] for each in _ORDER[: _ORDER.index(name)]]
        above = [self[each] for each in _ORDER[_ORDER.index(name) + 1 :]]
        # Those of the Inspect section lie over all of these.
        above += [each for each in layers if is_marked(each) and each not in self._layers.values()]
        for layer in reversed(below):
            if layer is not None:
                return layers.index(layer) + 1
        for layer in above:
            if layer is not None:
                return layers.index(layer)
        return len(layers)


def _users_own(layer: Layer) -> dict[str, Any]:
    own = {each: getattr(layer, each) for each in _USERS_OWN if hasattr(layer, each)}
    if getattr(layer, "rgb", False):
        # Of the others the study has the limits.
        own["contrast_limits"] = layer.contrast_limits
    return own


def _image(picture: NDArray[Any], settings: dict[str, Any]) -> Image:
    data = pyramid(picture)
    return Image(data, multiscale=isinstance(data, list), **settings)


def _add_colour_bar_once_seen(layer: Image) -> None:
    """Show the colour bar as soon as the layer is: napari takes as long for it as for a layer."""

    def look(_event: object = None) -> None:
        if layer.visible:
            layer.events.visible.disconnect(look)
            layer.colorbar.visible = True

    layer.events.visible.connect(look)
    look()
