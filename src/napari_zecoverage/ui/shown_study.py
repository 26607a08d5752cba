"""The studied cluster that the window shows: its layers follow the sliders and what is measured.

napari's window is drawn as a whole, whatever changed in it, and each drawing holds it up.
So what one moved slider brings comes one after another: the picture first, then the words
and the exact mask, and when the sliders rest the outlines and the small pictures in
napari's list.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.rim_distance import RimDistance
from napari_zecoverage.picture import fringe_colours
from napari_zecoverage.pixel import PixelFacts, PixelReader
from napari_zecoverage.preview import (
    Preview,
    Previews,
    QuickPreview,
    QuickPreviews,
    Request,
    is_large,
    wants_quick,
)
from napari_zecoverage.ui.jobs import Look, Pictures, Studied, edge_of, rim_of, stretch_again
from napari_zecoverage.ui.layers import ClusterLayers
from napari_zecoverage.ui.live import LatestWins, QuickThenExact, Turns
from napari_zecoverage.ui.measuring import Measuring

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_zecoverage.core.crop import Rect
    from napari_zecoverage.core.fringe import Fringe
    from napari_zecoverage.core.studied import ClusterStudy
    from napari_zecoverage.ui.settings import Preferences
    from napari_zecoverage.verdict import Verdict

logger = logging.getLogger(__name__)

_WORDS_MS: Final = 100
_OUTLINES_MS: Final = 250


class ShownStudy(QObject):
    """One studied cluster after another in a viewer, and what the sliders do to it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that the layers are shown in. Only our own are touched.
    preferences : Preferences
        The colours of the layers.

    Attributes
    ----------
    measuring : Measuring
        Measures the study shown.

    Signals
    -------
    appeared(ClusterStudy)
        All layers of another studied cluster are there.
    outcome_computed(MaskOutcome)
        What ZeMosaic would do with the study shown, and its layers show it.
    verdict_changed(Verdict)
        The same in words; comes after the picture.
    mask_failed(Exception)
        What ZeMosaic would do could not be told.
    picture_failed(Exception)
        The tile could not be stretched otherwise.
    """

    appeared = Signal(object)
    outcome_computed = Signal(object)
    verdict_changed = Signal(object)
    mask_failed = Signal(object)
    picture_failed = Signal(object)

    def __init__(
        self, viewer: ViewerModel, preferences: Preferences, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._layers = ClusterLayers(viewer)
        self._layers.set_coverage_colours(preferences.coverage_colours)
        self.measuring = Measuring(self)
        self._study: ClusterStudy | None = None
        self._snapshot: Mapping[str, Any] | None = None
        self._parameters = MaskParameters()
        self._preview: Preview | None = None
        self._verdict: Verdict | None = None
        self._reader: PixelReader | None = None
        self._rim: RimDistance | None = None
        self._fringe_channel = 0
        self._wanted = ""  # a layer that is to be shown as soon as it comes
        self._has_layers = False
        self._turns = Turns(self)
        self._turns_at_rest = Turns(self)
        self._quick_previews = QuickPreviews()
        self._live = QuickThenExact(Previews(), self._quick_previews, wants_quick, self)
        self._edges = LatestWins(edge_of, self)
        self._rims = LatestWins(rim_of, self)
        self._pictures = LatestWins(stretch_again, self)
        self._words_soon = _timer(self, self._say_verdict)
        self._outlines_soon = _timer(self, self._ask_for_outlines)
        self._live.computed.connect(self._on_computed)
        self._live.quickly_computed.connect(self._on_quickly_computed)
        self._edges.computed.connect(self._on_edge)
        self._rims.computed.connect(self._on_rim)
        self._pictures.computed.connect(self._on_pictures)
        self.measuring.begun.connect(self._on_measuring)
        self.measuring.fringe_measured.connect(self._show_fringe)
        # The verdict can tell then what of the fringe is left.
        self.measuring.judged.connect(self._ask_for_preview)
        self.measuring.failed.connect(self._on_not_measured)

    @property
    def study(self) -> ClusterStudy | None:
        """The study shown."""
        return self._study

    @property
    def has_appeared(self) -> bool:
        """Whether all layers of the study are there."""
        return self._has_layers

    @property
    def up_to_date(self) -> bool:
        """Whether `removed` and the words are those of the present thresholds."""
        return not (self._turns.busy or self._words_soon.isActive()) and self._live.idle

    @property
    def idle(self) -> bool:
        """Whether the study is up to date, and all of it is measured."""
        return self.up_to_date and self.measuring.idle

    @property
    def at_rest(self) -> bool:
        """Whether what waits for the sliders to rest is done, too."""
        to_come = self._outlines_soon.isActive() or self._turns_at_rest.busy
        return self.up_to_date and self._edges.idle and self._rims.idle and not to_come

    def show(
        self,
        studied: Studied,
        snapshot: Mapping[str, Any] | None,
        also: Iterable[object] = (),
    ) -> None:
        """Show another studied cluster, a layer at a time; `appeared` tells when all are there.

        `snapshot` holds the settings of the run that it is of. What is to be made ready
        before it appears is done `also`, step by step.
        """
        # A preview of the cluster before must not land on this one's layers.
        self._forget()
        self._study = studied.study
        self._snapshot = snapshot
        self._reader = PixelReader(studied.study)
        self._preview = None
        self._has_layers = False
        # Its figures are not those of this one.
        self.measuring.stop()
        self._turns.start(self._steps_or_trouble(studied, also))

    def show_now(self) -> None:
        """Have all layers of the study there before this returns."""
        self._turns.finish()

    def set_parameters(self, parameters: MaskParameters) -> None:
        """Follow the sliders."""
        # They come again when the sliders rest.
        self._outlines_soon.stop()
        self._turns_at_rest.forget()
        self._parameters = parameters
        self.measuring.show_parameters(parameters)
        self._ask_for_preview()

    def set_preferences(self, preferences: Preferences) -> None:
        """Follow the settings: colours and stretch."""
        before, self._preferences = self._preferences, preferences
        if before.coverage_colours != preferences.coverage_colours:
            self._layers.set_coverage_colours(preferences.coverage_colours)
        if before.fringe_colours != preferences.fringe_colours:
            self._colour_fringe()
        if self._has_layers:
            self._catch_up_with_look(Look(before.stretch, before.strength))

    def _catch_up_with_look(self, shown: Look) -> None:
        """Stretch the pictures otherwise when they are not shown as preferred."""
        look = Look(self._preferences.stretch, self._preferences.strength)
        if look != shown:
            beside = self._layers["master tile"] is not None
            self._pictures.submit((self._study, self._snapshot, beside, look))

    def show_coverage(self) -> bool:
        """Show the layer of frames per pixel; False when no cluster is shown."""
        return self._bring("coverage")

    def show_fringes(self) -> bool:
        """Show the fringe on the tile; one not measured yet comes when it is."""
        return self._bring("fringe")

    def set_fringe_channel(self, channel: int) -> None:
        """Show another colour in the layer `fringe`: an index of the last axis of `Fringe.map`."""
        self._fringe_channel = channel
        self._colour_fringe()

    def toggle_removed(self) -> None:
        """Show what is removed, or the tile as it was before."""
        self._layers.toggle_removed()

    def facts_at(self, y: int, x: int) -> PixelFacts | None:
        """Return what is known of a pixel; None outside of the canvas."""
        if self._reader is None:
            return None
        return self._reader.read(y, x, None if self._preview is None else self._preview.outcome)

    def stop(self) -> None:
        """Stop what is at work, and what was to come."""
        self._forget()
        self.measuring.stop()

    def _forget(self) -> None:
        self._turns.forget()
        self._live.forget()
        self._quick_previews.forget()
        self._edges.forget()
        self._rims.forget()
        self._rim = None
        self._pictures.forget()
        self._turns_at_rest.forget()
        for timer in (self._words_soon, self._outlines_soon):
            timer.stop()

    # --- another study -----------------------------------------------------------------

    def _steps_or_trouble(self, studied: Studied, also: Iterable[object]) -> Iterator[object]:
        try:
            yield from self._steps_to_show(studied, also)
        except Exception as error:  # noqa: BLE001 - whatever it is, the user is told
            self.mask_failed.emit(error)

    def _steps_to_show(self, studied: Studied, also: Iterable[object]) -> Iterator[object]:
        study, beside = studied.study, studied.beside
        master_tile = None if beside is None else beside.shown
        yield from self._layers.steps_to_show(study, studied.shown, master_tile)
        yield
        yield from also
        self._has_layers = True
        if self._wanted == "coverage":
            self._wanted = ""
            self._show_only("coverage")
        self._catch_up_with_look(studied.look)
        self.appeared.emit(study)
        self._layers.fit_view()
        yield
        self.measuring.show_study(study)
        # Whatever moved a slider meanwhile.
        self._ask_for_preview()

    def _bring(self, name: str) -> bool:
        """Show the coverage or the fringe, now or when it comes; False without a cluster."""
        if self._study is None:
            return False
        # A fringe may still be measured; a coverage comes with the other layers or never.
        is_to_come = not self._has_layers or (name == "fringe" and self._layers[name] is None)
        self._wanted = name if is_to_come else ""
        self._show_only(name)
        return True

    def _show_only(self, name: str) -> None:
        """Bring the coverage or the fringe to the front; neither hides the other."""
        for each in ("tile", "coverage", "fringe"):
            layer = self._layers[each]
            if layer is not None:
                layer.visible = each in ("tile", name)
        removed = self._layers["removed"]
        if removed is not None:
            removed.visible = True

    def _on_pictures(self, _request: object, result: object) -> None:
        if isinstance(result, Pictures):
            for name, shown in (("tile", result.shown), ("master tile", result.master_tile)):
                if shown is not None:
                    self._layers.show_picture(name, shown)
        elif isinstance(result, Exception):
            self.picture_failed.emit(result)

    # --- what the sliders do -----------------------------------------------------------

    def _ask_for_preview(self, _judged: object = None) -> None:
        if self._study is not None and self._has_layers:
            self.measuring.give_way(True)
            measured = self.measuring
            known = measured.judged_cluster, measured.pictures, self._rim
            part = self._layers.seen_part()
            self._live.submit(Request(self._study, self._parameters, *known, part))

    def _on_quickly_computed(self, _request: object, quick: QuickPreview) -> None:
        """Show what is removed; the words are exact, or wait for the exact mask."""
        self._layers.show_seen(quick.removed, quick.part)
        if quick.verdict is not None:
            self._verdict = quick.verdict
            # Not put off by the next tick: whoever drags reads, too.
            if not self._words_soon.isActive():
                self._words_soon.start(_WORDS_MS)

    def _on_computed(self, _request: object, result: object) -> None:
        if isinstance(result, Preview):
            if result.outcome.parameters == self._parameters:
                self.measuring.give_way(False)
            self._preview = result
            self._layers.show_removed(result.removed)
            self._verdict = result.verdict
            self._words_soon.start(0)
            self._outlines_soon.start(_OUTLINES_MS)
            if self.measuring.judged_cluster is None:
                # What is moved now may be the margin, of which the masks are to be judged anew.
                self._ask_for_rim()
            self.outcome_computed.emit(result.outcome)
        elif isinstance(result, Exception):
            self.measuring.give_way(False)
            self._words_soon.stop()
            self.mask_failed.emit(result)

    def _say_verdict(self) -> None:
        self.verdict_changed.emit(self._verdict)

    def _ask_for_outlines(self) -> None:
        if self._preview is not None and self._study is not None:
            self._edges.submit((self._study, self._preview))

    def _ask_for_rim(self) -> None:
        """Have ready what a moved margin takes away, before it is moved."""
        study, preview, rim = self._study, self._preview, self._rim
        if study is None or preview is None or not is_large(study):
            return
        if rim is None or not rim.is_ample_for(preview.outcome.parameters):
            self._rims.submit((study, preview))

    def _on_rim(self, _request: object, rim: object) -> None:
        if isinstance(rim, Exception):
            logger.warning("the distances to the rim could not be measured", exc_info=rim)
        self._rim = rim if isinstance(rim, RimDistance) else None

    def _on_edge(self, request: Any, edge: object) -> None:
        preview = request[1]
        # Sliders that were moved meanwhile come to rest again.
        if preview is self._preview:
            self._turns_at_rest.start(self._steps_at_rest(edge, preview.outcome.saved_rect))

    def _steps_at_rest(self, edge: object, saved: Rect) -> Iterator[None]:
        if isinstance(edge, Exception):
            logger.warning("the outlines could not be drawn", exc_info=edge)
        else:
            yield from self._layers.steps_to_outline(edge, saved)
        # Not beside these drawings, which it would hold up.
        self._ask_for_rim()
        yield from self._layers.steps_to_tell()

    # --- what is measured --------------------------------------------------------------

    def _on_measuring(self) -> None:
        """Take the fringe of the cluster before away; the layer keeps its looks for the next."""
        study = self._study
        if self.measuring.fringe is not None or self._layers["fringe"] is None or study is None:
            return
        if study.tile is None or study.coverage is None:
            self._layers.show_fringe(None)
        else:
            # Of one number: it takes no memory.
            nothing = np.broadcast_to(np.float32(np.nan), study.canvas.shape)
            self._layers.show_fringe(nothing, 1.0, self._preferences.fringe_colours)

    def _on_not_measured(self) -> None:
        if self.measuring.fringe is None:
            self._layers.show_fringe(None)

    def _colour_fringe(self) -> None:
        # A layer that the user deleted stays away.
        if self._layers["fringe"] is not None:
            self._show_fringe()

    def _show_fringe(self, _fringe: Fringe | None = None) -> None:
        fringe = self.measuring.fringe
        if fringe is None:
            return  # It comes with the colours of then.
        if not fringe.measurable:
            self._layers.show_fringe(None)
            return
        channel = self._fringe_channel
        colours = fringe_colours(self._preferences.fringe_colours, channel)
        self._layers.show_fringe(fringe.map[..., channel], self.measuring.reach, colours)
        layer = self._layers["fringe"]
        if self._wanted == "fringe" and layer is not None:
            self._wanted = ""
            layer.visible = True


def _timer(owner: QObject, slot: Any) -> QTimer:
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.timeout.connect(slot)
    return timer
