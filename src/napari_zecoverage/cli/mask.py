"""``zecoverage mask``: coverage, alpha, a preview and every number of each cluster."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from napari_zecoverage.cli.endings import Trouble, reports_errors
from napari_zecoverage.cli.options import changed, takes
from napari_zecoverage.cli.studying import (
    Config,
    Force,
    Frames,
    NoCache,
    Root,
    chosen_thresholds,
    found_clusters,
    show_study,
    studied,
)
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions

if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster


@reports_errors
@takes(thresholds=MaskParameters, study=StudyOptions)
def mask(
    frames: Frames,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the results; with several clusters, one in it for each.",
            show_default=False,
        ),
    ],
    thresholds: dict[str, Any],
    study: dict[str, Any],
    root: Root = None,
    config: Config = None,
    force: Force = False,
    no_cache: NoCache = False,
) -> None:
    """Study frames, and write what ZeMosaic would hide of their tile.

    Writes coverage.fits, alpha.fits, preview.png and summary.json, all or none.
    """
    options = changed(StudyOptions(), study)
    parameters = chosen_thresholds(config, thresholds)
    trouble = Trouble()
    clusters = found_clusters(frames, trouble, root=root)
    folders = result_folders(out, clusters)

    from napari_zecoverage.outputs import check_target

    for folder in folders:
        check_target(folder, force=force)
    for cluster, folder in zip(clusters, folders, strict=True):
        with trouble.caught(cluster.name):
            _mask_one(cluster, folder, parameters, options, force=force, cache=not no_cache)
    trouble.end()


def result_folders(out: Path, clusters: Sequence[Cluster]) -> list[Path]:
    """Return the folder of each cluster's results: `out`, or one in it for each of several."""
    if len(clusters) == 1:
        return [out]
    taken: set[str] = set()
    folders = []
    for cluster in clusters:
        base = name = safe_name(cluster.name)
        number = 1
        # Some file systems do not tell capitals from small letters.
        while name.casefold() in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name.casefold())
        folders.append(out / name)
    return folders


def safe_name(name: str) -> str:
    """Turn a cluster's name into one that a folder may have everywhere."""
    kept = re.sub(r"[^\w.+-]+", "_", name, flags=re.ASCII).strip("._")[:80]
    return f"_{kept}" if re.fullmatch(_DEVICES, kept) else kept or "cluster"


# Windows has no files of these names, whatever their ending.
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def _mask_one(
    cluster: Cluster,
    folder: Path,
    parameters: MaskParameters,
    options: StudyOptions,
    *,
    force: bool,
    cache: bool,
) -> None:
    from napari_zecoverage.core.outcome import apply_mask
    from napari_zecoverage.outputs import write_results

    study = studied(cluster, options, cache=cache)
    outcome = apply_mask(study, parameters)
    results = write_results(folder, study, outcome, force=force)
    names = ", ".join(path.name for path in results.files)
    show_study(study, outcome, [("written", f"{results.folder}: {names}")])
