"""What the commands that study clusters share: finding them, studying one, telling of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_zecoverage.cli.console import StudyProgressBars, say_aside, show_table
from napari_zecoverage.cli.endings import Trouble
from napari_zecoverage.cli.options import changed
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.paths import absolute

# Everything heavier is imported where it is used: --help must not wait for it.
if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.outcome import MaskOutcome
    from napari_zecoverage.core.studied import ClusterStudy
    from napari_zecoverage.zemosaic.gating import Gating


Frames = Annotated[
    list[Path],
    typer.Argument(
        metavar="FRAMES",
        help="ZeMosaic run folders, frames, and folders of frames. A run has the clusters that "
        "ZeMosaic made; the files together are one cluster; of a folder, its frames are one, and "
        "those of each of its sub-folders another.",
        show_default=False,
    ),
]

Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="FOLDER",
        help="Where the frames of a ZeMosaic run lie now, when they were moved, or when the run "
        "was made on another machine: they are looked for in it by their names.",
        show_default=False,
    ),
]


Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Take the thresholds from ZeMosaic's config; options come on top."
    ),
]

Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace the results that are in the folder already. Files of others that have their "
        "names are kept under another name.",
    ),
]

NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Study again, and do not keep what was studied.")
]


def found_clusters(
    places: Sequence[Path], trouble: Trouble, *, root: Path | None = None
) -> list[Cluster]:
    """Find the clusters: the files together are one, each folder has its own."""
    from napari_zecoverage.zemosaic.run_folder import find_clusters

    places = [absolute(each) for each in places]
    # Unlike `Path.is_dir`, it raises nothing where the way there is locked.
    folders = [each for each in places if os.path.isdir(each)]
    files = [each for each in places if each not in folders]
    clusters: list[Cluster] = []
    if files:
        with trouble.caught("files"):
            clusters += find_clusters(files, root=root)
    for folder in folders:
        with trouble.caught("folder"):
            clusters += find_clusters(folder, root=root)
    return clusters


def studied(cluster: Cluster, options: StudyOptions, *, cache: bool = True) -> ClusterStudy:
    """Study a cluster, and show how far it is."""
    from napari_zecoverage.core.study import study_cluster

    say_aside(f"{cluster.name}: {cluster.listing}")
    with StudyProgressBars() as bars:
        study = study_cluster(cluster, options, progress=bars, cache=cache)
    # One from the cache has the name that its frames had when it was made.
    return replace(study, cluster=cluster)


def thresholds_from(config: Path | None) -> MaskParameters:
    """Return the thresholds to start from, and say what a config has that cannot be meant."""
    if config is None:
        return MaskParameters()
    from napari_zecoverage.zemosaic.config import read_config

    parameters = read_config(config).parameters
    for note in parameters.notes:
        say_aside(f"{config}: {note}")
    return parameters


def chosen_thresholds(config: Path | None, thresholds: Mapping[str, Any]) -> MaskParameters:
    """Return the thresholds to start from, with those of the command line on top."""
    # Wrong usage is told before any file is read.
    changed(MaskParameters(), thresholds)
    return changed(thresholds_from(config), thresholds)


def gatings_of(clusters: Sequence[Cluster], config: Mapping[str, Any] | None) -> list[Gating]:
    """Tell for each cluster whether ZeMosaic would run Alt-Az cleanup on it.

    Without a config, by the one that the clusters' run was made with, where it is kept.
    """
    from napari_zecoverage.core.errors import RunFolderError
    from napari_zecoverage.zemosaic.gating import gate_all
    from napari_zecoverage.zemosaic.manifests import read_snapshot

    run = clusters[0].run_folder if clusters else None
    if config is None and run is not None:
        # That it is damaged is in the first cluster's notes.
        with suppress(RunFolderError):
            config = read_snapshot(run)
    return gate_all(clusters, config)


def gating_words(gating: Gating) -> str:
    """Return what gating says, for a row."""
    answer = {"yes": "yes", "no": "no", "depends": "it depends"}[gating.answer]
    return f"Alt-Az cleanup: {answer}. {gating.reason}"


def show_study(
    study: ClusterStudy, outcome: MaskOutcome, more: Sequence[tuple[str, str]] = ()
) -> None:
    """Print what was found, what ZeMosaic would do, and `more` rows below."""
    from napari_zecoverage.verdict import verdict_of

    verdict = verdict_of(study, outcome)
    rows = [("found", study.summary)]
    rows += [("missing", f"{path}: {reason}") for path, reason in study.cluster.missing]
    rows += [("left out", f"{path}: {reason}") for path, reason in study.cluster.left_out]
    for frame, registration in zip(study.cluster.frames, study.registrations, strict=True):
        if registration.method in ("failed", "fft"):
            word = "left out" if registration.method == "failed" else "rescued"
            rows.append((word, f"{frame.path.name}: {registration.reason}"))
    # A study from the cache knows only what was to be said when it was made.
    rows += [("note", note) for note in dict.fromkeys((*study.cluster.notes, *study.notes))]
    rows += [("ZeMosaic", line) for line in (verdict.headline, *verdict.lines)]
    show_table(study.cluster.name, [*rows, *more])
