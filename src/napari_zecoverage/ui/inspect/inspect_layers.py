"""The layers of the Inspect section: `frames`, `footprints` and `profile line`.

They are made when they are asked for. A layer that the user deleted is made anew
when he asks again; what he does to the others is left as he wants it. Those that a
dock left in the viewer are taken over by the next.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from napari.layers import Image, Layer, Vectors
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from napari_zecoverage.picture import StretchKind
from napari_zecoverage.ui.inspect.aligned_frames import AlignedFrames
from napari_zecoverage.ui.live import LatestWins
from napari_zecoverage.ui.own_layers import left_behind, mark

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_zecoverage.core.studied import ClusterStudy

FRAMES: Final = "frames"
FOOTPRINTS: Final = "footprints"
PROFILE_LINE: Final = "profile line"
_NAMES: Final = (FRAMES, FOOTPRINTS, PROFILE_LINE)

_NEAR_PX: Final = 10
"""A click so near to a line, in pixels of the screen, is a click on it."""

_OUTLINE: Final = "#56B4E9"
_FAINT_OUTLINE: Final = f"{_OUTLINE}66"
_CHOSEN: Final = "#CC79A7"
_LINE: Final = "#F0E442"
_CLICK_MOVES: Final = 4

Point = tuple[float, float]
"""(y, x) on the canvas; whole numbers are pixel centres."""


def footprint_corners(study: ClusterStudy, index: int) -> NDArray[np.float64]:
    """Return the outer corners of a used frame on the canvas: (4, 2), each (y, x)."""
    own = study.registrations[index].matrix
    if own is None:
        raise ValueError(f"frame {index} is left out: it has no place on the canvas")
    height, width = study.canvas.frame_shape
    left, top, right, bottom = -0.5, -0.5, width - 0.5, height - 0.5
    corners = np.array(
        [[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]], dtype=np.float64
    )
    placed = corners @ study.canvas.from_frame(own).T
    return np.asarray(placed[:, 1::-1], dtype=np.float64)


def outlines(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (n, 4, 2) corners into napari's vectors: (4 n, 2, 2), each start and direction."""
    ahead = np.roll(corners, -1, axis=1) - corners
    return np.stack([corners, ahead], axis=2).reshape(-1, 2, 2)


def _make(request: tuple[AlignedFrames, int]) -> None:
    frames, position = request
    frames.look_at(position)


class InspectLayers(QObject):
    """The layers of the Inspect section in one viewer.

    Lines are vectors rather than shapes: they are dragged while napari pans and
    zooms as ever, and the first shapes of an installation take many seconds to be
    made ready.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer, or a model of one.

    Signals
    -------
    frame_chosen(int)
        The frame of the cluster whose outline was clicked, or that is looked at.
    line_moved()
        The profile's line lies elsewhere.
    """

    frame_chosen = Signal(int)
    line_moved = Signal()

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._study: ClusterStudy | None = None
        self._layers: dict[str, Layer] = {}
        self._frames: AlignedFrames | None = None
        self._look: tuple[StretchKind, float] = ("asinh", 1.0)
        self._line: tuple[Point, Point] = ((0.0, 0.0), (0.0, 0.0))
        self._chosen = -1
        self._corners = np.empty((0, 4, 2))
        self._position = 0
        self._step = 1
        self._maker = LatestWins(_make, self)
        self._maker.computed.connect(self._on_made)
        viewer.dims.events.current_step.connect(self._on_step)
        viewer.mouse_drag_callbacks.append(_weakly(self._on_mouse, viewer.mouse_drag_callbacks))

    def __getitem__(self, name: str) -> Layer | None:
        """Return our layer `name`, None when it is not (or no longer) in the viewer."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    @property
    def line(self) -> tuple[Point, Point]:
        """The profile's line, start and stop."""
        return self._line

    @property
    def used(self) -> tuple[int, ...]:
        """The frames that have a place on the canvas."""
        return () if self._frames is None else self._frames.indexes

    def show_study(self, study: ClusterStudy) -> None:
        """Take another cluster; our layers that are in the viewer show it."""
        same_canvas = self._study is not None and self._study.canvas == study.canvas
        self._study = study
        self._frames = AlignedFrames(study, *self._look)
        self._frames.waits = False
        self._chosen = -1
        self._corners = np.array(
            [footprint_corners(study, index) for index in self.used], dtype=np.float64
        ).reshape(-1, 4, 2)
        if not same_canvas:
            height, width = study.canvas.shape
            middle = (height - 1) / 2
            self._line = ((middle, 0.0), (middle, width - 1.0))
        for name in _NAMES:
            layer = self[name] or self._take_over(name)
            if layer is not None and self.used:
                layer.data = self._data_of(name)
            elif layer is not None:
                self._viewer.layers.remove(layer)
        self._mark_chosen()
        self._on_step()

    def set_shown(self, name: str, shown: bool) -> None:
        """Put one of our layers into the viewer, or take it out."""
        layer = self[name]
        if shown and layer is None:
            self._add(name)
        elif not shown and layer is not None:
            self._viewer.layers.remove(layer)

    def set_stretch(self, kind: StretchKind, strength: float) -> None:
        """Stretch the layer `frames` otherwise."""
        if (kind, strength) == self._look:
            return
        self._look = (kind, strength)
        if self._frames is not None:
            self._frames.stretch_otherwise(kind, strength)
            self._make_seen()

    def choose_frame(self, index: int) -> None:
        """Mark a frame's outline, and look at it in the layer `frames`."""
        self._chosen = index
        self._mark_chosen()
        if self[FRAMES] is not None and index in self.used:
            position = self.used.index(index)
            axis = self._axis()
            if self._viewer.dims.current_step[axis] != position:
                self._viewer.dims.set_current_step(axis, position)

    def move_line(self, start: Point, stop: Point) -> None:
        """Put the profile's line elsewhere."""
        self._line = (start, stop)
        layer = self[PROFILE_LINE]
        if layer is not None:
            layer.data = _line_with_ends(start, stop, self._reach())
        self.line_moved.emit()

    # --- making them ---------------------------------------------------------------------

    def _add(self, name: str) -> None:
        if not self.used:
            return
        active = self._viewer.layers.selection.active
        # napari begins in the middle of a new slider.
        first = self._chosen if self._chosen in self.used else self.used[0]
        layer = self._new(name)
        before = self._layers.get(name)
        if before is not None:
            layer.opacity, layer.blending = before.opacity, before.blending
        mark(layer, name)
        self._viewer.add_layer(layer)
        self._layers[name] = layer
        if active is not None and active in self._viewer.layers:
            # Ours need not be chosen to be used.
            self._viewer.layers.selection.active = active
        if name == FRAMES:
            self.choose_frame(first)
            self.frame_chosen.emit(first)
            self._make_seen()
        self._mark_chosen()

    def _take_over(self, name: str) -> Layer | None:
        """Make a layer ours that a dock before left in the viewer."""
        layer = left_behind(self._viewer, name)
        if layer is not None:
            self._layers[name] = layer
        return layer

    def _new(self, name: str) -> Layer:
        data = self._data_of(name)
        if name == FRAMES:
            return Image(
                data,
                name=name,
                rgb=True,
                contrast_limits=(0, 255),
                cache=False,
                axis_labels=("frame", "y", "x"),
            )
        return Vectors(
            data,
            name=name,
            edge_width=max(1.0, float(np.abs(self._corners).max()) / 500),
            edge_color=_OUTLINE if name == FOOTPRINTS else _LINE,
            vector_style="line",
        )

    def _data_of(self, name: str) -> Any:
        if name == FRAMES:
            return self._frames
        if name == FOOTPRINTS:
            return outlines(self._corners)
        return _line_with_ends(*self._line, self._reach())

    def _mark_chosen(self) -> None:
        layer = self[FOOTPRINTS]
        if layer is None or not self.used:
            return
        # Beside a chosen one the others are faint, so that it is found among many.
        others = _FAINT_OUTLINE if self._chosen in self.used else _OUTLINE
        colours = np.array([_CHOSEN if each == self._chosen else others for each in self.used])
        layer.edge_color = np.repeat(colours, 4)

    # --- what the user does in the viewer --------------------------------------------------

    def _on_step(self, _event: object = None) -> None:
        if not isalive(self) or self[FRAMES] is None or not self.used:
            return
        self._make_seen()
        index = self.used[self._looked_at()]
        if index != self._chosen:
            self._chosen = index
            self._mark_chosen()
            self.frame_chosen.emit(index)

    def _looked_at(self) -> int:
        """Return the place of the viewer's slider among the used frames."""
        step = int(self._viewer.dims.current_step[self._axis()])
        return min(max(step, 0), len(self.used) - 1)

    def _axis(self) -> int:
        """Return which of the viewer's axes runs through the frames: layers of more have others."""
        layer = self[FRAMES]
        return 0 if layer is None else self._viewer.dims.ndim - layer.ndim

    def _make_seen(self) -> None:
        """Have the frame that is looked at made in a thread, then the one that comes next."""
        frames = self._frames
        if frames is None or self[FRAMES] is None or not self.used:
            return
        position = self._looked_at()
        if position != self._position:
            # It comes next when the slider goes on as it went.
            self._step = -1 if position < self._position else 1
            self._position = position
        if not frames.is_made(position):
            self._maker.submit((frames, position))
            return
        ahead = (position + self._step) % len(self.used)
        if not frames.is_made(ahead):
            self._maker.submit((frames, ahead))

    def _on_made(self, request: Any, result: object) -> None:
        frames, position = request
        layer = self[FRAMES]
        if layer is None or frames is not self._frames or isinstance(result, Exception):
            return
        if position == self._looked_at():
            layer.refresh()
        self._make_seen()

    def stop(self) -> None:
        """Let go of the layers: they stay in the viewer, for the dock that is opened next."""
        self._maker.forget()
        self._layers.clear()
        if self._frames is not None:
            # Nobody has them made any more.
            self._frames.waits = True

    def _reach(self) -> float:
        """Return the length on the canvas that is a few pixels of the screen."""
        # Until napari 0.8 the camera was the viewer's own.
        camera = getattr(self._viewer, "scene", self._viewer).camera
        return _NEAR_PX / max(camera.zoom, 1e-6)

    def _on_mouse(self, _viewer: object, event: Any) -> Iterator[None]:
        """Drag the line where it is taken hold of; choose the frame whose outline is clicked."""
        if not isalive(self):
            # The dock has gone, and its viewer has not.
            return
        active = self._viewer.layers.selection.active
        if event.button != 1 or getattr(active, "mode", "pan_zoom") != "pan_zoom":
            return
        where = _on_canvas(event)
        held = self._held_part(where)
        if held is not None:
            yield from self._drag(event, held, where)
            return
        moved = 0
        yield
        while event.type == "mouse_move":
            moved += 1
            yield
        if moved <= _CLICK_MOVES:
            self._click(where)

    def _held_part(self, where: Point) -> tuple[bool, bool] | None:
        """Return which ends of the line are held at a point; None for neither."""
        layer = self[PROFILE_LINE]
        if layer is None or not layer.visible:
            return None
        start, stop = self._line
        reach = self._reach()
        if math.dist(where, stop) <= reach:
            return False, True
        if math.dist(where, start) <= reach:
            return True, False
        return (True, True) if _distance(where, start, stop) <= reach else None

    def _drag(self, event: Any, held: tuple[bool, bool], where: Point) -> Iterator[None]:
        start, stop = self._line
        # The camera would pan as well.
        event.handled = True
        yield
        # The release comes with the last place, which needs not have been a move of its own.
        while event.type in ("mouse_move", "mouse_release"):
            now = _on_canvas(event)
            y, x = now[0] - where[0], now[1] - where[1]
            self.move_line(
                (start[0] + y * held[0], start[1] + x * held[0]),
                (stop[0] + y * held[1], stop[1] + x * held[1]),
            )
            event.handled = True
            if event.type == "mouse_release":
                return
            yield

    def _click(self, where: Point) -> None:
        layer = self[FOOTPRINTS]
        if layer is None or not layer.visible or not self.used:
            return
        distances = [
            min(
                _distance(where, tuple(one), tuple(other))
                for one, other in zip(each, np.roll(each, -1, axis=0), strict=True)
            )
            for each in self._corners
        ]
        nearest = int(np.argmin(distances))
        if distances[nearest] <= self._reach():
            self.choose_frame(self.used[nearest])
            self.frame_chosen.emit(self.used[nearest])


def _on_canvas(event: Any) -> Point:
    """Return where the mouse is, whatever sliders the viewer has."""
    y, x = event.position[-2:]
    return float(y), float(x)


def _distance(point: Point, start: Any, stop: Any) -> float:
    """Return how far a point is from the line between two others."""
    one, other, spot = (np.asarray(each, dtype=np.float64) for each in (start, stop, point))
    along = other - one
    length = float(along @ along)
    share = 0.0 if length == 0 else min(max(float((spot - one) @ along) / length, 0.0), 1.0)
    return float(np.hypot(*(spot - one - share * along)))


def _line_with_ends(start: Point, stop: Point, half: float) -> NDArray[np.float64]:
    """Return a line as vectors, with a bar across each end to take hold of."""
    one, other = np.array(start), np.array(stop)
    along = other - one
    length = float(np.hypot(*along)) or 1.0
    across = np.array([-along[1], along[0]]) / length * 2 * half
    return np.array([[one, along], [one - across / 2, across], [other - across / 2, across]])


def _weakly(
    method: Callable[[object, Any], Iterator[None]], callbacks: list[Any]
) -> Callable[[object, Any], Generator[None]]:
    """Return a mouse callback that does not keep the method's object alive.

    napari holds these callbacks as long as the viewer lives.
    """

    def callback(viewer: object, event: Any) -> Generator[None]:
        alive = reference()
        if alive is not None:
            yield from alive(viewer, event)

    def remove(_gone: object) -> None:
        with suppress(ValueError):
            callbacks.remove(callback)

    reference = weakref.WeakMethod(method, remove)
    return callback
