"""How layers that we made are known again by a dock that is opened later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

_MARK: Final = "napari-zecoverage"


def mark(layer: Layer, name: str) -> None:
    """Note in a layer that it is our layer `name`."""
    # With its id, because a layer that the user duplicates takes its metadata along.
    layer.metadata[_MARK] = (name, id(layer))


def is_marked(layer: Layer) -> bool:
    """Return whether a layer is one of ours, and no copy of one."""
    return layer.metadata.get(_MARK, (None, None))[1] == id(layer)


def left_behind(viewer: ViewerModel, name: str) -> Layer | None:
    """Return our layer `name` that a dock before left in the viewer; never a copy of it."""
    for layer in viewer.layers:
        if layer.metadata.get(_MARK) == (name, id(layer)):
            return layer
    return None
