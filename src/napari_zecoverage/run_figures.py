"""Every figure of a studied run as JSON, for programs."""

from __future__ import annotations

import json
import os
from os import PathLike
from pathlib import Path
from typing import Any, Final

from napari_zecoverage import __version__
from napari_zecoverage.core.errors import InTheWayError, OutputError, reason_of
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.placing import file_in_the_making, is_marked, place_for
from napari_zecoverage.core.plain_json import plain
from napari_zecoverage.many import StudiedCluster, StudiedRun

RUN_NAME: Final = "run.json"

RUN_VERSION: Final = 1
"""Raised whenever a figure is renamed or changes its meaning."""

KIND: Final = "napari-zecoverage run"
"""Begins the file, by which it is known as ours."""

MEANING: Final = {
    "thresholds": "those that `now` is for",
    "now": "what ZeMosaic would do with `thresholds`; null when the cluster could not be judged",
    "field_lost": "shares (0 to 1) of the area that any frame covers. hard: not opaque in the "
    "saved tile, or cut off. soft: mean of 1 - alpha, what is cut off counts as wholly lost",
    "fringe": "the worst colour step that stays visible: step, error and raw_step in ADU, sigmas "
    "in units of the core's colour noise of one pixel, count in frames. null when not measurable",
    "guards": "what ZeMosaic does instead of what was asked for",
    "fringe_counts": "the colour of the sky where `count` frames overlap against the core's, ADU",
    "judged": "the figures of every mask: `masks`, and for each of the opening's three states the "
    "mask of each of `levels` (frames). hard and soft are shares that are KEPT",
    "advice": "for this cluster alone; at the top level: one for the whole run",
    "skipped": "why it was not studied, though nothing is wrong with it",
    "error": "why it could not be studied",
    "seconds": "of work on this cluster",
    "null": "not known, or not a number",
}


def figures_of(run: StudiedRun, parameters: MaskParameters | None = None) -> dict[str, Any]:
    """Return every figure of a run as plain JSON values.

    `MEANING`, which is part of it, says what they mean.

    Parameters
    ----------
    run : StudiedRun
    parameters : MaskParameters, optional
        The thresholds that ``now`` is for; the run's own when left out.

    Returns
    -------
    dict
    """
    thresholds = parameters or run.parameters
    figures = {
        "kind": KIND,
        "schema_version": RUN_VERSION,
        "made_by": {"napari-zecoverage": __version__},
        "meaning": MEANING,
        "scheduler": run.scheduler,
        "options": run.options,
        "advice_options": run.advice_options,
        "thresholds": thresholds,
        "advice": run.advice,
        "clusters": [_cluster_figures(each, thresholds) for each in run.clusters],
    }
    as_json: dict[str, Any] = plain(figures)
    return as_json


def _cluster_figures(line: StudiedCluster, thresholds: MaskParameters) -> dict[str, Any]:
    cluster, judged = line.cluster, line.judged
    return {
        "name": cluster.name,
        "tile_id": cluster.tile_id,
        "frames": [str(frame.path) for frame in cluster.frames],
        "left_out": [{"path": path, "reason": reason} for path, reason in cluster.left_out],
        "missing": [{"path": path, "reason": reason} for path, reason in cluster.missing],
        "nights": {night.isoformat(): count for night, count in cluster.nights.items()},
        "summary": line.summary,
        "skipped": line.skipped,
        "error": line.error,
        "notes": line.notes,
        "seconds": line.seconds,
        "study_file": line.study_file,
        "now": None if judged is None else _level_figures(judged.at(thresholds)),
        "fringe_counts": line.fringe_counts,
        "advice": line.advice,
        "judged": None if judged is None else json.loads(judged.to_json()),
    }


def _level_figures(level: LevelField | None) -> dict[str, Any] | None:
    if level is None:
        return None
    return {
        "mask": level.source,
        "field_lost": {"hard": 1 - level.hard, "soft": 1 - level.soft},
        "fringe": level.fringe,
        "alpha": level.alpha_stats,
        "guards": level.guards,
    }


# --- on disk -------------------------------------------------------------------------------


def check_run_folder(folder: str | PathLike[str], *, force: bool = False) -> None:
    """Refuse a folder that a run's figures cannot go into, before any work is done for them.

    Raises
    ------
    OutputError
        It is a file, cannot be written to, or has a `RUN_NAME` already (and not `force`).
    """
    target = place_for(folder, "the figures")
    file = target / RUN_NAME
    if os.path.lexists(file) and not force:
        raise InTheWayError(
            target,
            f"holds {RUN_NAME} already. Name another folder, or say that it is to be replaced.",
        )


def write_run_figures(
    folder: str | PathLike[str],
    run: StudiedRun,
    parameters: MaskParameters | None = None,
    *,
    force: bool = False,
) -> Path:
    """Write every figure of a run to ``run.json``, which appears, or is replaced, as a whole.

    Parameters
    ----------
    folder : path-like
        Made when it is not there.
    run : StudiedRun
    parameters : MaskParameters, optional
        As for `figures_of`.
    force : bool, default: False
        Replace a ``run.json`` that is there. One that is not ours is kept, as
        ``run.json.kept-1``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        It cannot be written, or there is one; what was there is as it was.
    """
    check_run_folder(folder, force=force)
    target = absolute(folder) / RUN_NAME
    # Plain ASCII: a file name that is no text at all is then still JSON.
    text = json.dumps(figures_of(run, parameters), indent=1, allow_nan=False) + "\n"
    try:
        with file_in_the_making(target, is_foreign=_is_foreign) as unfinished:
            unfinished.write_text(text, encoding="ascii")
    except OSError as error:
        raise OutputError(
            target, f"cannot be written ({reason_of(error)}); name another folder."
        ) from error
    return target


def _is_foreign(path: Path) -> bool:
    """Tell whether something that is there is not a run's figures of ours."""
    return not is_marked(path, KIND, within=200)
