"""``zecoverage demo``: the window on a made-up cluster, and a made-up config to export to."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from napari_zecoverage.cli.console import say, say_aside, show_table
from napari_zecoverage.cli.endings import reports_errors
from napari_zecoverage.cli.studying import show_study, studied
from napari_zecoverage.cli.window import (
    SETTLE_SECONDS,
    WindowError,
    check_window,
    let_work,
    open_window,
    run_window,
    wait_until,
    wait_until_measured,
    window_is_open,
)
from napari_zecoverage.core.errors import (
    ConfigError,
    InTheWayError,
    OutputError,
    StudyError,
    reason_of,
)
from napari_zecoverage.core.parameters import CONFIG_PREFIX, MaskParameters, StudyOptions

if TYPE_CHECKING:
    from napari_zecoverage.core.outcome import MaskOutcome
    from napari_zecoverage.core.studied import ClusterStudy
    from napari_zecoverage.ui.measuring import Measuring


SCREENSHOT_NAME: Final = "screenshot.png"

DEMO_FRAC: Final = 0.7
"""The `min_coverage_frac` that the demo tunes to.

ZeMosaic's 0.5 keeps what one of the sample's two nights covers alone, in that night's colour.
"""

_DEMO_CONFIG: Final = {
    "output_dir": "",
    "stacking_rejection_algorithm": "winsorized_sigma_clip",
    **MaskParameters().to_config(),
    "quality_crop_enabled": False,
}
"""A few keys of ZeMosaic's config around the ones that matter here."""


@reports_errors
def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for what the demo writes; by default a new temporary one.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what an earlier demo left in the folder.")
    ] = False,
    screenshot_and_quit: Annotated[
        bool,
        typer.Option(
            "--screenshot-and-quit",
            help="Tune a threshold, export it, save a picture of the window, and quit.",
        ),
    ] = False,
) -> None:
    """Study the built-in sample and open the window on it.

    The sample is a made-up cluster of raw frames with a known colour step. The
    demo also writes a made-up ZeMosaic config, so that there is something to
    export to.
    """
    from napari_zecoverage.sample import sample_folder
    from napari_zecoverage.zemosaic.run_folder import find_clusters

    check_window()
    folder = _demo_folder(out, force=force)
    say_aside("making up the sample's frames…")
    cluster = replace(find_clusters(sample_folder())[0], name="sample")
    study = studied(cluster, StudyOptions())
    config = _write_demo_config(folder)
    viewer, dock = open_window()
    dock.open_clusters([cluster])
    dock.show_study(study)
    _fill_in_config(dock, config)
    if screenshot_and_quit:
        # Not from where an earlier demo left them.
        dock.set_parameters(MaskParameters())
    say_aside("measuring the fringe…")
    measuring = _measuring_of(dock)
    trouble = wait_until_measured(measuring)
    if not window_is_open():
        return
    advice = [] if measuring.advice is None else [measuring.advice.why, *measuring.advice.doubts]
    if trouble:
        advice.append(trouble)
    show_study(study, _outcome_shown(dock, study), [("advice", each) for each in advice])
    if screenshot_and_quit:
        _tune_and_export(dock, study, config)
        picture = folder / SCREENSHOT_NAME
        _save_screenshot(viewer, picture)
        viewer.close()
        show_table("saved", [("screenshot", str(picture)), ("config", str(config))])
    else:
        say(f"A made-up ZeMosaic config to export to: {config}\nClose the window to end the demo.")
        run_window()


def _demo_folder(out: Path | None, *, force: bool) -> Path:
    from napari_zecoverage.core.placing import place_for
    from napari_zecoverage.zemosaic.config import CONFIG_NAME

    if out is None:
        return Path(tempfile.mkdtemp(prefix="zecoverage-demo-"))
    folder = place_for(out, "the demo")
    present = [each for each in (CONFIG_NAME, SCREENSHOT_NAME) if os.path.lexists(folder / each)]
    if present and not force:
        raise InTheWayError(
            folder,
            f"holds {' and '.join(present)} already. Name another folder, or say that they are "
            "to be replaced.",
        )
    # --force is for what a demo left: it must not cost somebody the config of his ZeMosaic.
    if present and not _is_demos(folder / CONFIG_NAME):
        raise OutputError(
            folder,
            f"holds {' and '.join(present)}, and no {CONFIG_NAME} of a demo: nothing there is "
            "replaced. Name another folder.",
        )
    return folder


def _is_demos(config: Path) -> bool:
    """Return whether a config is one that a demo wrote, and nobody else has added to."""
    from napari_zecoverage.zemosaic.config import read_config

    if os.path.islink(config):
        return False
    try:
        return set(read_config(config)) == set(_DEMO_CONFIG)
    except ConfigError:
        return False


def _write_demo_config(folder: Path) -> Path:
    """Write a config as ZeMosaic spells it, for the demo to export to."""
    from napari_zecoverage.zemosaic.config import CONFIG_NAME

    path = folder / CONFIG_NAME
    _write(path, json.dumps(_DEMO_CONFIG, indent=4, ensure_ascii=False).encode())
    return path


def _write(path: Path, content: bytes) -> None:
    """Write a file of the demo: it is there whole, or as it was before."""
    from napari_zecoverage.core.placing import file_in_the_making

    try:
        with file_in_the_making(path) as unfinished:
            unfinished.write_bytes(content)
    except OSError as error:
        raise OutputError(path, f"cannot be written ({reason_of(error)}).") from error


def _fill_in_config(dock: Any, config: Path) -> None:
    """Name the config in the dock's field, as a user would."""
    from qtpy.QtWidgets import QLineEdit

    field = dock.findChild(QLineEdit, "config_path")
    field.setText(str(config))
    field.editingFinished.emit()


def _measuring_of(dock: Any) -> Measuring:
    from napari_zecoverage.ui.measuring import Measuring

    found: Measuring = dock.findChild(Measuring)
    return found


def _outcome_shown(dock: Any, study: ClusterStudy) -> MaskOutcome:
    """Return what the window's thresholds do, with what it knows of the fringe by now."""
    from napari_zecoverage.core.outcome import apply_mask

    measuring = _measuring_of(dock)
    # Until every mask is judged, the window tells nothing of the fringe that is left.
    fringe = None if measuring.judged_cluster is None else measuring.fringe
    return apply_mask(study, dock.parameters, fringe=fringe)


def _tune_and_export(dock: Any, study: ClusterStudy, config: Path) -> None:
    """Do what a user would do: move a threshold, look, press Export."""
    from qtpy.QtWidgets import QLabel, QPushButton

    from napari_zecoverage.verdict import verdict_of
    from napari_zecoverage.zemosaic.config import read_config
    from napari_zecoverage.zemosaic.config_writing import write_config

    parameters = replace(dock.parameters, min_coverage_frac=DEMO_FRAC)
    dock.set_parameters(parameters)
    label = dock.findChild(QLabel, "verdict")

    def is_shown() -> bool:
        # Anew each time: the window may learn of the fringe meanwhile.
        return bool(label.text() == verdict_of(study, _outcome_shown(dock, study)).html())

    wait_until(is_shown, "the window to show the tuned threshold")
    change = write_config(config, parameters, dry_run=True)
    dock.findChild(QPushButton, "export_config").click()
    if read_config(config).parameters != parameters:
        raise StudyError(f"{config}: the export did not reach the config")
    rows = [("tuned", f"{CONFIG_PREFIX}min_coverage_frac = {DEMO_FRAC:g}")]
    verdict = verdict_of(study, _outcome_shown(dock, study))
    rows += [("ZeMosaic", line) for line in verdict.lines]
    rows += [("export", line) for line in change.lines()]
    show_table("after tuning", rows)


def _save_screenshot(viewer: Any, path: Path) -> None:
    """Save a picture of the whole window once its layers are drawn."""
    import cv2

    # The panels grow to their text, then the canvas is drawn again.
    let_work(SETTLE_SECONDS)
    viewer.reset_view()
    let_work(SETTLE_SECONDS)
    picture = viewer.screenshot(canvas_only=False, flash=False)
    done, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))
    if not done:
        raise WindowError("the picture of the window cannot be made into a file")
    _write(path, encoded.tobytes())
