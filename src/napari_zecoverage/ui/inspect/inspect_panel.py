"""Look closer: what each threshold would keep, a profile, the frames one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.compat import isalive
from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtWidgets import QGroupBox, QTabWidget, QVBoxLayout, QWidget

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.profile import profile_along
from napari_zecoverage.ui.controls import lay_out_now, wrapped_label
from napari_zecoverage.ui.inspect.inspect_layers import InspectLayers
from napari_zecoverage.ui.inspect.stretch_box import StretchBox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel

    from napari_zecoverage.core.fringe import Fringe
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.core.outcome import MaskOutcome
    from napari_zecoverage.core.studied import ClusterStudy
    from napari_zecoverage.ui.inspect.tabs import Tabs

_PROFILE_MS: Final = 40
_CURVE_MS: Final = 150
_NO_CLUSTER: Final = "Run a cluster to look closer at it."


class InspectPanel(QGroupBox):
    """Six tabs: field kept, both thresholds at once, fringe, coverage, profile, frames.

    It shows what it is told, and asks; the dock sets the thresholds and studies.
    Its tabs are made with the first study: matplotlib is not loaded before.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that the layers of this section are shown in.

    Signals
    -------
    parameters_chosen(MaskParameters, object)
        A threshold was set in a plot, and by which gesture.
    leave_out_asked(Cluster)
        The cluster shown, without a frame, is to be studied.
    stretch_chosen(str, float)
        The tile is to be stretched otherwise.
    fringe_channel_chosen(int)
        The layer `fringe` is to show this one of `FRINGE_CHANNELS`.
    """

    parameters_chosen = Signal(object, object)
    leave_out_asked = Signal(object)
    stretch_chosen = Signal(str, float)
    fringe_channel_chosen = Signal(int)

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__("Inspect", parent)
        self._viewer = viewer
        self._study: ClusterStudy | None = None
        self._parameters = MaskParameters()
        self._outcome: MaskOutcome | None = None
        self._judged: JudgedCluster | None = None
        self._busy = False
        self._tabs: Tabs | None = None
        self._layers = InspectLayers(viewer, self)
        self._layers.frame_chosen.connect(self._on_frame_chosen)
        self._layers.line_moved.connect(self._on_line_moved)
        # The profile is made a few times a second.
        self._profile_soon = _timer(self, _PROFILE_MS, self._show_profile)
        # Drawing any of the window draws all of it: what is said of a moved slider waits for
        # the verdict (`catch_up`), so that both are drawn in one go; without one, not long.
        self._curve_soon = _timer(self, _CURVE_MS, self._on_curve)

        self._hint = wrapped_label("inspect_hint", _NO_CLUSTER)
        self._tab_widget = QTabWidget()
        self._tab_widget.setObjectName("inspect_tabs")
        self._tab_widget.setAccessibleName("What is looked at")
        self._tab_widget.currentChanged.connect(self._on_tab)
        self._tab_widget.hide()
        self._stretch = StretchBox()
        self._stretch.changed.connect(self.stretch_chosen)
        self._stretch.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(self._hint)
        layout.addWidget(self._stretch)
        layout.addWidget(self._tab_widget)
        viewer.events.theme.connect(self._on_theme)
        viewer.layers.events.removed.connect(self._tick_layers)

    # --- what the dock tells ---------------------------------------------------------------

    def show_study(self, study: ClusterStudy) -> None:
        """Look at another cluster."""
        self._study = study
        self._outcome = None
        for _ in self.steps_to_get_ready():
            pass
        tabs = self._tabs
        assert tabs is not None
        self._hint.hide()
        self._stretch.setVisible(study.tile is not None)
        self._tab_widget.show()
        tabs.frames.show_study(study)
        # It chooses the frame that the slider stands at.
        self._layers.show_study(study)
        self._tick_layers()
        tabs.coverage.show_study(study)
        tabs.field.show_study(study)
        self.show_judged(None)
        self.show_fringe(None, 0.0)
        tabs.fringe.plot.show_threshold(float("nan"))
        self._show_profile()

    def show_parameters(self, parameters: MaskParameters) -> None:
        """Follow the sliders."""
        self._parameters = parameters
        if not self._curve_soon.isActive():
            self._curve_soon.start()

    def catch_up(self) -> None:
        """Show what waits for the sliders' rest now, as the window is laid out and drawn anyway."""
        if self._curve_soon.isActive():
            self._show_masks()

    def show_outcome(self, outcome: MaskOutcome) -> None:
        """Take what ZeMosaic would do with these thresholds."""
        self._outcome = outcome
        if self._tabs is not None:
            self._tabs.coverage.plot.show_threshold(outcome.threshold)
            self._tabs.fringe.plot.show_threshold(outcome.threshold)
            self._profile_soon.start()

    def show_judged(self, judged: JudgedCluster | None) -> None:
        """Show what every mask does; None while that is being measured."""
        self._judged = judged
        self._show_masks()

    def show_fringe(self, fringe: Fringe | None, tolerance: float) -> None:
        """Show the fringe at each count; None where there is none, or not yet."""
        if self._tabs is not None:
            self._tabs.fringe.show_fringe(fringe, tolerance)

    def show_trouble(self, text: str) -> None:
        """Say that it could not be measured."""
        if self._tabs is not None:
            self._tabs.field.show_trouble(text)
            self._tabs.fringe.show_trouble(text)

    def set_busy(self, busy: bool) -> None:
        """Offer no other study while one runs."""
        self._busy = busy
        if self._tabs is not None:
            self._tabs.frames.set_busy(busy)

    def show_stretch(self, kind: str, strength: float) -> None:
        """Show how the tile is stretched, and stretch the frames so."""
        self._stretch.show_stretch(kind, strength)
        self._layers.set_stretch(kind, strength)

    def next_frame(self) -> None:
        """Look at the next aligned frame; the first time, at the chosen one."""
        self._blink(1)

    def previous_frame(self) -> None:
        """Look at the aligned frame before; the first time, at the chosen one."""
        self._blink(-1)

    def _blink(self, step: int) -> None:
        if self._tabs is not None:
            self._tabs.frames.blink(self._layers.used, step)

    def stop(self) -> None:
        """Stop what is to be drawn soon: the dock is taken out of its window."""
        self._curve_soon.stop()
        self._profile_soon.stop()
        self._layers.stop()

    # --- building --------------------------------------------------------------------------

    def steps_to_get_ready(self) -> Iterator[None]:
        """Make the tabs for the first study, pausing after each: plots take long to make."""
        if self._tabs is not None:
            return
        # Only now: they need matplotlib.
        from napari_zecoverage.ui.inspect.tabs import KINDS, Tabs

        made = []
        for kind in KINDS:
            made.append(kind())
            yield
        self._tabs = tabs = Tabs(*made)
        for tab in tabs:
            self._tab_widget.setTabToolTip(self._tab_widget.addTab(tab, tab.title), tab.about)
        tabs.field.parameters_chosen.connect(self.parameters_chosen)
        tabs.landscape.parameters_chosen.connect(self.parameters_chosen)
        tabs.fringe.channel_chosen.connect(self.fringe_channel_chosen)
        tabs.frames.set_busy(self._busy)
        tabs.frames.frame_chosen.connect(self._layers.choose_frame)
        tabs.frames.leave_out_asked.connect(self.leave_out_asked)
        for box in tabs.layer_boxes:
            box.toggled.connect(self._on_layer_box)
        self._order_tabs()
        self._on_theme()

    def _order_tabs(self) -> None:
        """Let the tab key go from the tabs' names into the tabs, which are made last."""
        before: QWidget = self._tab_widget.tabBar()
        for page in (self._tab_widget.widget(index) for index in range(self._tab_widget.count())):
            for widget in page.findChildren(QWidget):
                if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.objectName():
                    QWidget.setTabOrder(before, widget)
                    before = widget

    def _on_theme(self, _event: object = None) -> None:
        # napari may outlive the dock, and tells whoever is still in memory.
        if self._tabs is not None and isalive(self):
            for plot in self._tabs.plots:
                plot.follow_theme(self._viewer.theme)

    # --- what the masks do, and the profile ------------------------------------------------

    def _show_masks(self) -> None:
        self._curve_soon.stop()
        if self._tabs is not None:
            self._tabs.field.show_masks(self._judged, self._parameters)
        self._show_landscape()

    def _on_curve(self) -> None:
        self._show_masks()
        lay_out_now()

    # What nobody sees is made when its tab is opened.

    def _on_tab(self) -> None:
        self._show_landscape()
        self._show_profile()

    def _show_landscape(self) -> None:
        tabs = self._tabs
        if tabs is not None and self._is_open(tabs.landscape):
            tabs.landscape.show_masks(self._judged, self._parameters)

    def _show_profile(self) -> None:
        study, tabs = self._study, self._tabs
        if study is not None and tabs is not None and self._is_open(tabs.profile):
            tabs.profile.plot.show_profile(profile_along(study, self._outcome, *self._layers.line))

    def _is_open(self, tab: QWidget) -> bool:
        return self._tab_widget.currentWidget() is tab

    def _on_line_moved(self) -> None:
        if not self._profile_soon.isActive():
            self._profile_soon.start()

    # --- frames and layers -----------------------------------------------------------------

    def _on_frame_chosen(self, index: int) -> None:
        if self._tabs is not None:
            self._tabs.frames.show_frame(index)

    def _on_layer_box(self, shown: bool) -> None:
        self._layers.set_shown(self.sender().layer, shown)

    def _tick_layers(self, _event: object = None) -> None:
        """Tick what is shown: the user may have deleted a layer, or a dock before have left it."""
        if self._tabs is None or not isalive(self):
            return
        for box in self._tabs.layer_boxes:
            with QSignalBlocker(box):
                box.setChecked(self._layers[box.layer] is not None)


def _timer(owner: QWidget, interval_ms: int, slot: object) -> QTimer:
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    timer.timeout.connect(slot)
    return timer
