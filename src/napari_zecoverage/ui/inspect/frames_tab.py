"""The tab Frames: the aligned frames one by one, and leaving one out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_zecoverage.ui.controls import push_button, wrapped_label
from napari_zecoverage.ui.inspect.inspect_layers import FOOTPRINTS, FRAMES
from napari_zecoverage.ui.inspect.plot_tab import LayerBox

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy


class FramesTab(QWidget):
    """A choice of frames, how each was aligned, and a button that leaves it out.

    Attributes
    ----------
    title, about : str
        The tab's name and its tooltip.
    boxes : tuple of LayerBox
        They show the frames and their outlines.

    Signals
    -------
    frame_chosen(int)
        This frame of the cluster is to be looked at.
    leave_out_asked(Cluster)
        The cluster shown, without a frame, is to be studied.
    """

    title: ClassVar = "Frames"
    about: ClassVar = (
        "<p>The aligned frames to blink through, their outlines, and leaving one out.</p>"
    )
    frame_chosen = Signal(int)
    leave_out_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._study: ClusterStudy | None = None
        self._busy = False
        self._frames_shown = LayerBox(
            "show_frames",
            "frames, aligned",
            FRAMES,
            "A layer of all aligned frames: the slider below the picture blinks through them.",
        )
        footprints_shown = LayerBox(
            "show_footprints",
            "outlines",
            FOOTPRINTS,
            "A layer of the frames' outlines; click on one.",
        )
        self.boxes = (self._frames_shown, footprints_shown)
        self._frame = QComboBox()
        self._frame.setObjectName("frame")
        self._frame.setAccessibleName("Frame")
        self._frame.setToolTip("The frame that is told of below; the full stop and comma blink.")
        self._frame.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._frame.currentIndexChanged.connect(self._on_frame)
        self._text = wrapped_label("frame_text", "")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._leave_out = push_button(
            "leave_out",
            "Leave out and study again",
            "Studies the cluster without this frame. No file is touched; opening the folder again "
            "brings the frame back.",
            self._on_leave_out,
            accessible_name="Leave the frame out and study again",
        )
        row = QHBoxLayout()
        for box in self.boxes:
            row.addWidget(box)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addLayout(row)
        for widget in (self._frame, self._text, self._leave_out):
            layout.addWidget(widget)
        layout.addStretch(1)

    def show_study(self, study: ClusterStudy) -> None:
        """Offer another cluster's frames."""
        self._study = study
        with QSignalBlocker(self._frame):
            self._frame.clear()
            self._frame.addItems([each.path.name for each in study.cluster.frames])
        self._tell()

    def show_frame(self, index: int) -> None:
        """Tell of a frame that was chosen elsewhere."""
        with QSignalBlocker(self._frame):
            self._frame.setCurrentIndex(index)
        self._tell()

    def set_busy(self, busy: bool) -> None:
        """Offer no other study while one runs."""
        self._busy = busy
        self._tell()

    def blink(self, used: tuple[int, ...], step: int) -> None:
        """Look at the next frame, or at that before, of those used; first at the chosen one."""
        if not used:
            return
        if not self._frames_shown.isChecked():
            self._frames_shown.setChecked(True)
            return
        chosen = self._frame.currentIndex()
        position = used.index(chosen) if chosen in used else -step
        self._frame.setCurrentIndex(used[(position + step) % len(used)])

    def _on_frame(self, index: int) -> None:
        self.frame_chosen.emit(index)
        self._tell()

    def _tell(self) -> None:
        study, index = self._study, self._frame.currentIndex()
        known = study is not None and 0 <= index < len(study.registrations)
        self._text.setText(_words_on_frame(study, index) if study and known else "")
        others = study is not None and len(study.cluster.frames) > 1
        self._leave_out.setEnabled(known and others and not self._busy)

    def _on_leave_out(self) -> None:
        if self._study is not None:
            index = self._frame.currentIndex()
            self.leave_out_asked.emit(self._study.cluster.without(index))


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
