"""Look closer: what each threshold would keep, a profile, the frames one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_zecoverage.core.curves import curve_of
from napari_zecoverage.core.landscape import landscape_of
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.profile import profile_along
from napari_zecoverage.ui.controls import ChangingWords, lay_out_now, wrapped_label
from napari_zecoverage.ui.inspect_layers import FOOTPRINTS, FRAMES, PROFILE_LINE, InspectLayers
from napari_zecoverage.ui.stretch_box import StretchBox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel

    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.curves import FieldCurve, Stretch
    from napari_zecoverage.core.fringe import Fringe
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.core.levels import Over
    from napari_zecoverage.core.outcome import MaskOutcome
    from napari_zecoverage.core.studied import ClusterStudy
    from napari_zecoverage.ui.fringe_plots import FringePlot, LandscapePlot, What
    from napari_zecoverage.ui.plots import FieldPlot, HistogramPlot, Plot, ProfilePlot

LEFT_OUT_BY_HAND: Final = "left out by hand"

_PROFILE_MS: Final = 40
_CURVE_MS: Final = 150
FRINGE_COLOURS: Final = ("R−G", "B−G")
"""What the layer `fringe` can show, in the order of `Fringe.map`'s last axis."""

_WHATS: Final[tuple[What, ...]] = ("field kept", "fringe left")
_NO_FRINGE: Final = "The fringe is not measured yet."
_BEING_MEASURED: Final = "Being measured…"
_ABOUT_LANDSCAPE: Final = "A click sets both thresholds. Within a cell nothing changes."
_ABOUT_TABS: Final = {
    "Field": "<p>Field kept and fringe left, for each value of one threshold that makes a "
    "difference. Drag the line to set it.</p>",
    "Both": "<p>Field kept, or fringe left, over both thresholds. A click sets both.</p>",
    "Fringe": "<p>The sky's colour against the well-covered core at each number of frames: dots "
    "are places, lines their median with its uncertainty, dotted lines the median before the "
    "frames' backgrounds were matched, the grey band what is tolerated.</p>",
    "Coverage": "<p>How many pixels have how many frames; the dashed line is the effective "
    "threshold.</p>",
    "Profile": "<p>Red, green, blue, coverage and alpha along a line on the tile.</p>",
    "Frames": "<p>The aligned frames to blink through, their outlines, and leaving one out.</p>",
}
_OVERS: Final[tuple[Over, ...]] = ("min_coverage_frac", "min_coverage_abs")
_NO_CLUSTER: Final = "Run a cluster to look closer at it."
_MASKS: Final = {
    "coverage": "the coverage mask",
    "low-signal": "the low-signal mask, not the coverage one",
    "radial": "the radial mask, not the coverage one",
    "dropped": "no mask at all: it is dropped",
}


class _Plots(NamedTuple):
    field: FieldPlot
    landscape: LandscapePlot
    fringe: FringePlot
    histogram: HistogramPlot
    profile: ProfilePlot


class InspectPanel(QGroupBox):
    """Six tabs: field kept, both thresholds at once, fringe, coverage, profile, frames.

    It shows what it is told, and asks; the dock sets the thresholds and studies.
    Its plots are made with the first study: matplotlib is not loaded before.

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
    fringe_colour_chosen(str)
        The layer `fringe` is to show this colour, one of `FRINGE_COLOURS`.
    """

    parameters_chosen = Signal(object, object)
    leave_out_asked = Signal(object)
    stretch_chosen = Signal(str, float)
    fringe_colour_chosen = Signal(str)

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__("Inspect", parent)
        self._viewer = viewer
        self._study: ClusterStudy | None = None
        self._parameters = MaskParameters()
        self._outcome: MaskOutcome | None = None
        self._judged: JudgedCluster | None = None
        self._busy = False
        self._plots: _Plots | None = None
        self._layers = InspectLayers(viewer, self)
        self._layers.frame_chosen.connect(self._on_frame_chosen)
        self._layers.line_moved.connect(self._on_line_moved)
        # The profile is made a few times a second.
        self._profile_soon = _timer(self, _PROFILE_MS, self._show_profile)
        # Drawing any of the window draws all of it: what is said of a moved slider waits for
        # the verdict (`catch_up`), so that both are drawn in one go; without one, not long.
        self._curve_soon = _timer(self, _CURVE_MS, self._on_curve)

        self._hint = wrapped_label("inspect_hint", _NO_CLUSTER)
        self._tabs = QTabWidget()
        self._tabs.setObjectName("inspect_tabs")
        self._tabs.setAccessibleName("What is looked at")
        self._tabs.currentChanged.connect(self._on_tab)
        self._tabs.hide()
        self._stretch = StretchBox()
        self._stretch.changed.connect(self.stretch_chosen)
        self._stretch.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(self._hint)
        layout.addWidget(self._stretch)
        layout.addWidget(self._tabs)
        self._build_controls()
        viewer.events.theme.connect(self._on_theme)
        viewer.layers.events.removed.connect(self._tick_layers)

    # --- what the dock tells ---------------------------------------------------------------

    def show_study(self, study: ClusterStudy) -> None:
        """Look at another cluster."""
        self._study = study
        self._outcome = None
        for _ in self.steps_to_get_ready():
            pass
        plots = self._plots
        assert plots is not None
        self._hint.hide()
        self._stretch.setVisible(study.tile is not None)
        self._tabs.show()
        self._fill_frames(study)
        # It chooses the frame that the slider stands at.
        self._layers.show_study(study)
        self._tick_layers()
        # Only now: the plots need matplotlib.
        from napari_zecoverage.ui.plots import count_pixels

        bare = np.zeros(study.canvas.shape, dtype=np.float32)
        plots.histogram.show_counts(
            count_pixels(bare if study.coverage is None else study.coverage)
        )
        plots.field.show_nothing()
        self.show_judged(None)
        self.show_fringe(None, 0.0)
        for plot in (plots.histogram, plots.fringe):
            plot.show_threshold(float("nan"))
        self._show_profile()

    def show_parameters(self, parameters: MaskParameters) -> None:
        """Follow the sliders."""
        self._parameters = parameters
        if not self._curve_soon.isActive():
            self._curve_soon.start()

    def catch_up(self) -> None:
        """Show what waits for the sliders' rest now, as the window is laid out and drawn anyway."""
        if self._curve_soon.isActive():
            self._show_curve()

    def show_outcome(self, outcome: MaskOutcome) -> None:
        """Take what ZeMosaic would do with these thresholds."""
        self._outcome = outcome
        if self._plots is not None:
            self._plots.histogram.show_threshold(outcome.threshold)
            self._plots.fringe.show_threshold(outcome.threshold)
            self._profile_soon.start()

    def show_judged(self, judged: JudgedCluster | None) -> None:
        """Show what every mask does; None while that is being measured."""
        self._judged = judged
        if self._plots is not None:
            if judged is None and (self._study is None or self._study.coverage is None):
                self._plots.field.show_nothing()
            self._show_curve()

    def show_fringe(self, fringe: Fringe | None, tolerance: float) -> None:
        """Show the fringe at each count; None where there is none, or not yet."""
        for widget in (self._fringe_colour, self._fringe_label):
            widget.setEnabled(fringe is not None and fringe.measurable)
        text = _NO_FRINGE if fringe is None else "\n".join(fringe.notes)
        self._fringe_text.setText(text)
        self._fringe_text.setVisible(bool(text))
        if self._plots is not None:
            self._plots.fringe.show_fringe(fringe, tolerance)

    def show_trouble(self, text: str) -> None:
        """Say that it could not be measured."""
        if self._plots is not None:
            self._plots.field.show_nothing()
        self._field_text.setText(text)
        self._fringe_text.setText(text)
        self._fringe_text.show()

    def set_busy(self, busy: bool) -> None:
        """Offer no other study while one runs."""
        self._busy = busy
        self._show_frame()

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
        used = self._layers.used
        if not used:
            return
        if not self._frames_shown.isChecked():
            self._frames_shown.setChecked(True)
            return
        chosen = self._frame.currentIndex()
        position = used.index(chosen) if chosen in used else -step
        self._frame.setCurrentIndex(used[(position + step) % len(used)])

    def stop(self) -> None:
        """Stop what is to be drawn soon: the dock is taken out of its window."""
        self._curve_soon.stop()
        self._profile_soon.stop()
        self._layers.stop()

    # --- building --------------------------------------------------------------------------

    def _build_controls(self) -> None:
        self._over = QComboBox()
        self._over.setObjectName("curve_over")
        self._over.setAccessibleName("Threshold that the curve runs over")
        self._over.setToolTip("Which threshold the curve runs over; the line is dragged to set it.")
        self._over.addItems(_OVERS)
        self._over.currentIndexChanged.connect(self._on_over)
        self._field_text = wrapped_label("field_text", "")
        self._what = QComboBox()
        self._what.setObjectName("landscape_what")
        self._what.setAccessibleName("What is shown over both thresholds")
        self._what.setToolTip(
            "<p>Field kept: the share of the covered area that the saved tile shows. Fringe left: "
            "the worst colour step that stays visible, in units of the noise of one pixel of the "
            "core.</p>"
        )
        self._what.addItems(_WHATS)
        self._what.currentIndexChanged.connect(self._on_what)
        self._landscape_text = wrapped_label("landscape_text", _ABOUT_LANDSCAPE)
        self._fringe_label = QLabel("layer shows")
        self._fringe_colour = QComboBox()
        self._fringe_colour.setObjectName("fringe_colour")
        self._fringe_colour.setAccessibleName("Colour that the layer fringe shows")
        self._fringe_colour.setToolTip(
            "Which colour of the sky against the core the layer fringe shows, in ADU."
        )
        self._fringe_colour.addItems(FRINGE_COLOURS)
        self._fringe_colour.currentTextChanged.connect(self.fringe_colour_chosen)
        self._fringe_label.setBuddy(self._fringe_colour)
        self._fringe_text = wrapped_label("fringe_text", _NO_FRINGE)
        self._fringe_text.setTextFormat(Qt.TextFormat.PlainText)
        self._log = QCheckBox("logarithmic")
        self._log.setObjectName("histogram_log")
        self._log.setAccessibleName("Logarithmic histogram")
        self._log.setToolTip("Shows the counts that only few pixels have.")
        self._log.toggled.connect(self._on_log)
        self._line_shown = _layer_box("show_profile_line", "line on the tile", PROFILE_LINE)
        self._line_shown.setToolTip(
            "A layer with the line. Take hold of an end, or of the line, and drag it."
        )
        self._frames_shown = _layer_box("show_frames", "frames, aligned", FRAMES)
        self._frames_shown.setToolTip(
            "A layer of all aligned frames: the slider below the picture blinks through them."
        )
        self._footprints_shown = _layer_box("show_footprints", "outlines", FOOTPRINTS)
        self._footprints_shown.setToolTip("A layer of the frames' outlines; click on one.")
        for box in (self._line_shown, self._frames_shown, self._footprints_shown):
            box.toggled.connect(self._on_layer_box)
        self._frame = QComboBox()
        self._frame.setObjectName("frame")
        self._frame.setAccessibleName("Frame")
        self._frame.setToolTip("The frame that is told of below; the full stop and comma blink.")
        self._frame.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._frame.currentIndexChanged.connect(self._on_frame)
        self._frame_text = wrapped_label("frame_text", "")
        self._frame_text.setTextFormat(Qt.TextFormat.PlainText)
        self._leave_out = QPushButton("Leave out and study again")
        self._leave_out.setObjectName("leave_out")
        self._leave_out.setAccessibleName("Leave the frame out and study again")
        self._leave_out.setToolTip(
            "Studies the cluster without this frame. No file is touched; opening the folder again "
            "brings the frame back."
        )
        self._leave_out.clicked.connect(self._on_leave_out)

    def steps_to_get_ready(self) -> Iterator[None]:
        """Make the plots for the first study, pausing after each: they take long to make."""
        if self._plots is not None:
            return
        from napari_zecoverage.ui.fringe_plots import FringePlot, LandscapePlot
        from napari_zecoverage.ui.plots import FieldPlot, HistogramPlot, ProfilePlot

        made: list[Plot] = []
        for kind in (FieldPlot, LandscapePlot, FringePlot, HistogramPlot, ProfilePlot):
            made.append(kind())
            yield
        self._plots = plots = _Plots(*made)
        plots.field.value_chosen.connect(self._on_value_chosen)
        plots.landscape.thresholds_chosen.connect(self._on_both_chosen)
        over = QLabel("over")
        over.setBuddy(self._over)
        self._add_tab("Field", plots.field, [over, self._over], [ChangingWords(self._field_text)])
        self._add_tab("Both", plots.landscape, [self._what], [self._landscape_text])
        self._add_tab(
            "Fringe", plots.fringe, [self._fringe_label, self._fringe_colour], [self._fringe_text]
        )
        self._add_tab("Coverage", plots.histogram, [self._log], [])
        self._add_tab("Profile", plots.profile, [self._line_shown], [])
        self._add_frames_tab()
        self._order_tabs()
        self._on_theme()

    def _add_tab(self, title: str, plot: Plot, above: list[QWidget], below: list[QWidget]) -> None:
        page = QWidget()
        layout = QVBoxLayout(page)
        row = QHBoxLayout()
        for widget in above:
            row.addWidget(widget)
        row.addStretch(1)
        save = QPushButton("Save…")
        save.setObjectName(f"save_{plot.objectName()}")
        save.setAccessibleName(f"Save the plot {title}")
        plot.canvas.setObjectName(f"{plot.objectName()}_canvas")
        plot.canvas.setAccessibleName(f"Plot {title}")
        save.setToolTip("Save the plot as a picture.")
        save.clicked.connect(plot.save)
        row.addWidget(save)
        layout.addLayout(row)
        layout.addWidget(plot)
        for widget in below:
            layout.addWidget(widget)
        layout.addStretch(1)
        self._tabs.setTabToolTip(self._tabs.addTab(page, title), _ABOUT_TABS[title])

    def _add_frames_tab(self) -> None:
        page = QWidget()
        layout = QVBoxLayout(page)
        row = QHBoxLayout()
        row.addWidget(self._frames_shown)
        row.addWidget(self._footprints_shown)
        row.addStretch(1)
        layout.addLayout(row)
        for widget in (self._frame, self._frame_text, self._leave_out):
            layout.addWidget(widget)
        layout.addStretch(1)
        self._tabs.setTabToolTip(self._tabs.addTab(page, "Frames"), _ABOUT_TABS["Frames"])

    def _order_tabs(self) -> None:
        """Let the tab key go from the tabs' names into the tabs, which are made last."""
        before: QWidget = self._tabs.tabBar()
        for page in (self._tabs.widget(index) for index in range(self._tabs.count())):
            for widget in page.findChildren(QWidget):
                if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.objectName():
                    QWidget.setTabOrder(before, widget)
                    before = widget

    def _on_theme(self, _event: object = None) -> None:
        # napari may outlive the dock, and tells whoever is still in memory.
        if self._plots is not None and isalive(self):
            for plot in self._plots:
                plot.follow_theme(self._viewer.theme)

    # --- field kept ------------------------------------------------------------------------

    def _curve(self) -> FieldCurve | None:
        return None if self._plots is None else self._plots.field.curve

    def _show_curve(self) -> None:
        self._curve_soon.stop()
        if self._plots is not None and self._judged is not None and self._is_judged:
            over = _OVERS[self._over.currentIndex()]
            self._plots.field.show_curve(curve_of(self._judged, self._parameters, over))
        self._show_landscape()
        self._show_value()

    def _show_value(self) -> None:
        curve = self._curve()
        if self._study is not None and self._study.coverage is None:
            self._field_text.setText("There is no coverage: no threshold makes a difference.")
        if self._plots is None or curve is None:
            return
        value = float(getattr(self._parameters, curve.over))
        self._plots.field.show_value(value)
        text = _words_on_stretch(curve, curve.at(value)) if self._is_judged else ""
        self._field_text.setText(text or _BEING_MEASURED)

    @property
    def _is_judged(self) -> bool:
        """Whether the figures are true of the present margin and so on."""
        return self._judged is not None and self._judged.serves(self._parameters)

    def _on_curve(self) -> None:
        self._show_curve()
        lay_out_now()

    def _on_over(self) -> None:
        self._show_curve()

    def _on_value_chosen(self, value: float) -> None:
        curve = self._curve()
        if self._plots is not None and curve is not None:
            chosen = replace(self._parameters, **{curve.over: value})
            self.parameters_chosen.emit(chosen, self._plots.field.gesture)

    # --- both thresholds -------------------------------------------------------------------

    def _show_landscape(self) -> None:
        # What nobody sees is made when its tab is opened.
        if self._plots is None or not self._is_open("Both"):
            return
        plot = self._plots.landscape
        if self._judged is None or not self._is_judged:
            if plot.landscape is not None:
                plot.show_landscape(None)
            return
        known = plot.landscape
        if (
            known is None
            or known.judged is not self._judged
            or known.parameters.morph_open_px != self._parameters.morph_open_px
        ):
            plot.show_landscape(landscape_of(self._judged, self._parameters))
        plot.show_thresholds(self._parameters.min_coverage_abs, self._parameters.min_coverage_frac)

    def _on_what(self) -> None:
        if self._plots is not None:
            self._plots.landscape.show_what(_WHATS[self._what.currentIndex()])

    def _on_both_chosen(self, count: float, share: float) -> None:
        if self._plots is not None:
            chosen = replace(self._parameters, min_coverage_abs=count, min_coverage_frac=share)
            self.parameters_chosen.emit(chosen, self._plots.landscape.gesture)

    # --- coverage --------------------------------------------------------------------------

    def _on_log(self, log: bool) -> None:
        if self._plots is not None:
            self._plots.histogram.set_log(log)

    # --- profile ---------------------------------------------------------------------------

    def _on_tab(self) -> None:
        self._show_landscape()
        self._show_profile()

    def _is_open(self, title: str) -> bool:
        return self._tabs.tabText(self._tabs.currentIndex()) == title

    def _on_line_moved(self) -> None:
        if not self._profile_soon.isActive():
            self._profile_soon.start()

    def _show_profile(self) -> None:
        # What nobody sees is made when its tab is opened.
        if self._study is not None and self._plots is not None and self._is_open("Profile"):
            self._plots.profile.show_profile(
                profile_along(self._study, self._outcome, *self._layers.line)
            )

    # --- frames ----------------------------------------------------------------------------

    def _fill_frames(self, study: ClusterStudy) -> None:
        with QSignalBlocker(self._frame):
            self._frame.clear()
            self._frame.addItems([each.path.name for each in study.cluster.frames])
        self._show_frame()

    def _on_frame(self, index: int) -> None:
        self._layers.choose_frame(index)
        self._show_frame()

    def _on_frame_chosen(self, index: int) -> None:
        with QSignalBlocker(self._frame):
            self._frame.setCurrentIndex(index)
        self._show_frame()

    def _show_frame(self) -> None:
        index = self._frame.currentIndex()
        study = self._study
        known = study is not None and 0 <= index < len(study.registrations)
        self._frame_text.setText(_words_on_frame(study, index) if study and known else "")
        others = study is not None and len(study.cluster.frames) > 1
        self._leave_out.setEnabled(known and others and not self._busy)

    def _on_leave_out(self) -> None:
        if self._study is not None:
            self.leave_out_asked.emit(
                without_frame(self._study.cluster, self._frame.currentIndex())
            )

    # --- layers ----------------------------------------------------------------------------

    def _on_layer_box(self, shown: bool) -> None:
        name = self.sender().property("layer")
        self._layers.set_shown(name, shown)

    def _tick_layers(self, _event: object = None) -> None:
        """Tick what is shown: the user may have deleted a layer, or a dock before have left it."""
        if not isalive(self):
            return
        for box in (self._line_shown, self._frames_shown, self._footprints_shown):
            with QSignalBlocker(box):
                box.setChecked(self._layers[box.property("layer")] is not None)


def without_frame(cluster: Cluster, index: int) -> Cluster:
    """Return a cluster without one of its frames, which is listed as left out."""
    frames = cluster.frames
    left_out = (str(frames[index].path), LEFT_OUT_BY_HAND)
    return replace(
        cluster,
        frames=frames[:index] + frames[index + 1 :],
        left_out=(*cluster.left_out, left_out),
    )


def _words_on_stretch(curve: FieldCurve, stretch: Stretch) -> str:
    kept = ""
    if stretch.field.hard == stretch.field.hard:  # not NaN
        kept = f", keeps {stretch.field.hard:.1%} (soft {stretch.field.soft:.1%})"
    words = f"From {stretch.level:g} of {curve.maximum:g} frames on: "
    cliffs = [each.text for each in curve.cliffs if each.value == stretch.high]
    behind = f" Just above lies a cliff: {cliffs[0]}." if cliffs else ""
    return f"{words}{_MASKS[stretch.field.source]}{kept}.{behind}"


def _words_on_frame(study: ClusterStudy, index: int) -> str:
    each, frame = study.registrations[index], study.cluster.frames[index]
    words = [
        frame.path.name,
        {
            "reference": "The reference that the others are aligned to.",
            "astroalign": "Aligned by its stars.",
            "fft": "Rescued: aligned by phase correlation.",
            "failed": "Left out: it could not be aligned.",
        }[each.method],
    ]
    if each.method == "astroalign" and each.rms_px is not None:
        words.append(f"Residual {each.rms_px:.2f} px rms over {each.n_stars} stars.")
    if each.reason:
        words.append(each.reason)
    return "\n".join(words)


def _layer_box(name: str, text: str, layer: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setObjectName(name)
    box.setAccessibleName(f"Show the layer {layer}")
    box.setProperty("layer", layer)
    return box


def _timer(owner: QWidget, interval_ms: int, slot: object) -> QTimer:
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    timer.timeout.connect(slot)
    return timer
