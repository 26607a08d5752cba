"""Look closer: what each threshold would keep, a profile, the frames one by one."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
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

from napari_zecoverage.core.curves import LevelFields, Over, curve_of, look_at_levels
from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.profile import profile_along
from napari_zecoverage.ui.controls import wrapped_label
from napari_zecoverage.ui.inspect_layers import FOOTPRINTS, FRAMES, PROFILE_LINE, InspectLayers
from napari_zecoverage.ui.live import Background, Job

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.curves import FieldCurve, Stretch
    from napari_zecoverage.core.outcome import MaskOutcome
    from napari_zecoverage.core.studied import ClusterStudy
    from napari_zecoverage.ui.plots import FieldPlot, HistogramPlot, Plot, ProfilePlot

logger = logging.getLogger(__name__)

LEFT_OUT_BY_HAND: Final = "left out by hand"

_QUIET_MS: Final = 250
_PROFILE_MS: Final = 40
_OVERS: Final[tuple[Over, ...]] = ("min_coverage_frac", "min_coverage_abs")
_NO_CLUSTER: Final = "Run a cluster to look closer at it."
_MASKS: Final = {
    "coverage": "the coverage mask",
    "low-signal": "the low-signal mask, not the coverage one",
    "radial": "the radial mask, not the coverage one",
    "dropped": "no mask at all: it is dropped",
    "not yet known": "being measured…",
}


class _Looked(NamedTuple):
    """Levels of a study, some or all of them."""

    study: ClusterStudy
    known: LevelFields


def _look(study: ClusterStudy, parameters: MaskParameters, job: Job) -> _Looked:
    def report(known: LevelFields) -> None:
        job.report(_Looked(study, known))

    known = look_at_levels(study, parameters, should_stop=job.should_stop, progress=report)
    return _Looked(study, known)


class _Plots(NamedTuple):
    field: FieldPlot
    histogram: HistogramPlot
    profile: ProfilePlot


class InspectPanel(QGroupBox):
    """Four tabs: field kept, coverage, profile, frames.

    It shows what it is told, and asks; the dock sets the thresholds and studies.
    Its plots are made with the first study: matplotlib is not loaded before.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that the layers of this section are shown in.

    Signals
    -------
    parameters_chosen(MaskParameters)
        A threshold was set in a plot.
    leave_out_asked(Cluster)
        The cluster shown, without a frame, is to be studied.
    """

    parameters_chosen = Signal(object)
    leave_out_asked = Signal(object)

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__("Inspect", parent)
        self._viewer = viewer
        self._study: ClusterStudy | None = None
        self._parameters = MaskParameters()
        self._outcome: MaskOutcome | None = None
        self._known: LevelFields | None = None
        self._again = False
        self._plots: _Plots | None = None
        self._layers = InspectLayers(viewer, self)
        self._layers.frame_chosen.connect(self._on_frame_chosen)
        self._layers.line_moved.connect(self._on_line_moved)
        self._background = Background(self)
        self._background.progressed.connect(self._on_looked)
        self._background.finished.connect(self._on_finished)
        # The curve is measured when the sliders rest, the profile a few times a second.
        self._quiet = _timer(self, _QUIET_MS, self._look_at_levels)
        self._profile_soon = _timer(self, _PROFILE_MS, self._show_profile)

        self._hint = wrapped_label("inspect_hint", _NO_CLUSTER)
        self._tabs = QTabWidget()
        self._tabs.setObjectName("inspect_tabs")
        self._tabs.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(self._hint)
        layout.addWidget(self._tabs)
        self._build_controls()
        viewer.events.theme.connect(self._on_theme)
        viewer.layers.events.removed.connect(self._on_layer_removed)

    # --- what the dock tells ---------------------------------------------------------------

    def show_study(self, study: ClusterStudy) -> None:
        """Look at another cluster."""
        self._study = study
        self._outcome = None
        plots = self._made_plots()
        self._hint.hide()
        self._tabs.show()
        self._layers.show_study(study)
        self._fill_frames(study)
        # Only now: the plots need matplotlib.
        from napari_zecoverage.ui.plots import count_pixels

        bare = np.zeros(study.canvas.shape, dtype=np.float32)
        plots.histogram.show_counts(
            count_pixels(bare if study.coverage is None else study.coverage)
        )
        if study.coverage is None:
            plots.field.show_nothing()
        self._ask_for_levels()
        plots.histogram.show_threshold(float("nan"))
        self._show_profile()

    def show_parameters(self, parameters: MaskParameters) -> None:
        """Follow the sliders."""
        self._parameters = parameters
        if self._known is None or not self._known.serve(parameters):
            self._ask_for_levels()
        self._show_curve()

    def show_outcome(self, outcome: MaskOutcome) -> None:
        """Take what ZeMosaic would do with these thresholds."""
        self._outcome = outcome
        if self._plots is not None:
            self._plots.histogram.show_threshold(outcome.threshold)
            self._profile_soon.start()

    def stop(self) -> None:
        """Stop what is being measured: the dock is taken out of its window."""
        self._again = False
        self._quiet.stop()
        self._background.stop()
        self._layers.stop()

    # --- building --------------------------------------------------------------------------

    def _build_controls(self) -> None:
        self._over = QComboBox()
        self._over.setObjectName("curve_over")
        self._over.setAccessibleName("Threshold that the curve runs over")
        self._over.addItems(_OVERS)
        self._over.currentIndexChanged.connect(self._on_over)
        self._field_text = wrapped_label("field_text", "")
        self._log = QCheckBox("logarithmic")
        self._log.setObjectName("histogram_log")
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
        self._frame.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._frame.currentIndexChanged.connect(self._on_frame)
        self._frame_text = wrapped_label("frame_text", "")
        self._frame_text.setTextFormat(Qt.TextFormat.PlainText)
        self._leave_out = QPushButton("Leave out and study again")
        self._leave_out.setObjectName("leave_out")
        self._leave_out.clicked.connect(self._on_leave_out)

    def _made_plots(self) -> _Plots:
        if self._plots is None:
            from napari_zecoverage.ui.plots import FieldPlot, HistogramPlot, ProfilePlot

            self._plots = _Plots(FieldPlot(), HistogramPlot(), ProfilePlot())
            self._plots.field.value_chosen.connect(self._on_value_chosen)
            over = QLabel("over")
            over.setBuddy(self._over)
            plots = self._plots
            self._add_tab("Field", plots.field, [over, self._over], [self._field_text])
            self._add_tab("Coverage", plots.histogram, [self._log], [])
            self._add_tab("Profile", plots.profile, [self._line_shown], [])
            self._add_frames_tab()
            self._on_theme()
        return self._plots

    def _add_tab(self, title: str, plot: Plot, above: list[QWidget], below: list[QWidget]) -> None:
        page = QWidget()
        layout = QVBoxLayout(page)
        row = QHBoxLayout()
        for widget in above:
            row.addWidget(widget)
        row.addStretch(1)
        save = QPushButton("Save…")
        save.setObjectName(f"save_{plot.objectName()}")
        save.setToolTip("Save the plot as a picture.")
        save.clicked.connect(plot.save)
        row.addWidget(save)
        layout.addLayout(row)
        layout.addWidget(plot)
        for widget in below:
            layout.addWidget(widget)
        self._tabs.addTab(page, title)

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
        self._tabs.addTab(page, "Frames")

    def _on_theme(self, _event: object = None) -> None:
        # napari may outlive the dock, and tells whoever is still in memory.
        if self._plots is not None and isalive(self):
            for plot in self._plots:
                plot.follow_theme(self._viewer.theme)

    # --- field kept ------------------------------------------------------------------------

    def _ask_for_levels(self) -> None:
        """Forget the levels; look at them when the sliders rest and the last look has ended."""
        self._known = None
        self._again = self._background.running
        self._background.stop()
        self._quiet.start()
        self._show_value()

    def _look_at_levels(self) -> None:
        study = self._study
        if study is not None and study.coverage is not None and not self._background.running:
            self._background.start(partial(_look, study, self._parameters))

    def _on_looked(self, looked: object) -> None:
        if (
            isinstance(looked, _Looked)
            and looked.study is self._study
            and looked.known.serve(self._parameters)
        ):
            self._known = looked.known
            self._show_curve()

    def _on_finished(self, result: object) -> None:
        self._on_looked(result)
        if isinstance(result, Exception) and not isinstance(result, StudyCancelledError):
            logger.error("the field kept could not be measured", exc_info=result)
            self._field_text.setText(f"The field kept could not be measured: {result}")
        elif self._again and not self._quiet.isActive():
            self._look_at_levels()
        self._again = False

    def _curve(self) -> FieldCurve | None:
        return None if self._plots is None else self._plots.field.curve

    def _show_curve(self) -> None:
        if self._plots is not None and self._known is not None:
            over = _OVERS[self._over.currentIndex()]
            self._plots.field.show_curve(curve_of(self._known, self._parameters, over))
        self._show_value()

    def _show_value(self) -> None:
        curve = self._curve()
        if self._study is not None and self._study.coverage is None:
            self._field_text.setText("There is no coverage: no threshold makes a difference.")
        if self._plots is None or curve is None:
            return
        value = float(getattr(self._parameters, curve.over))
        self._plots.field.show_value(value)
        text = _words_on_stretch(curve, curve.at(value)) if self._known is not None else ""
        self._field_text.setText(text or _MASKS["not yet known"])

    def _on_over(self) -> None:
        self._show_curve()

    def _on_value_chosen(self, value: float) -> None:
        curve = self._curve()
        if curve is not None:
            self.parameters_chosen.emit(replace(self._parameters, **{curve.over: value}))

    def _on_log(self, log: bool) -> None:
        if self._plots is not None:
            self._plots.histogram.set_log(log)

    # --- profile ---------------------------------------------------------------------------

    def _on_line_moved(self) -> None:
        if not self._profile_soon.isActive():
            self._profile_soon.start()

    def _show_profile(self) -> None:
        if self._study is not None and self._plots is not None:
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
        self._leave_out.setEnabled(study is not None and known and len(study.cluster.frames) > 1)

    def _on_leave_out(self) -> None:
        if self._study is not None:
            self.leave_out_asked.emit(
                without_frame(self._study.cluster, self._frame.currentIndex())
            )

    # --- layers ----------------------------------------------------------------------------

    def _on_layer_box(self, shown: bool) -> None:
        name = self.sender().property("layer")
        self._layers.set_shown(name, shown)

    def _on_layer_removed(self, _event: object = None) -> None:
        """Untick what the user deleted."""
        if not isalive(self):
            return
        for box in (self._line_shown, self._frames_shown, self._footprints_shown):
            if box.isChecked() and self._layers[box.property("layer")] is None:
                with QSignalBlocker(box):
                    box.setChecked(False)


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
    box.setProperty("layer", layer)
    return box


def _timer(owner: QWidget, interval_ms: int, slot: object) -> QTimer:
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    timer.timeout.connect(slot)
    return timer
