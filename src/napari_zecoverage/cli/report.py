"""``zecoverage report``: what was seen and decided of each cluster, for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_zecoverage.cli.console import say_aside, show_table
from napari_zecoverage.cli.endings import Trouble, reports_errors
from napari_zecoverage.cli.mask import result_folders
from napari_zecoverage.cli.options import changed, takes
from napari_zecoverage.cli.studying import (
    Frames,
    NoCache,
    Root,
    chosen_thresholds,
    found_clusters,
    studied,
)
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions

if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster


@reports_errors
@takes(thresholds=MaskParameters, study=StudyOptions, advice=AdviceOptions)
def report(
    frames: Frames,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the report; with several clusters, one in it for each.",
            show_default=False,
        ),
    ],
    thresholds: dict[str, Any],
    study: dict[str, Any],
    advice: dict[str, Any],
    root: Root = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Take the thresholds from ZeMosaic's config; options come on top. With neither, "
            "those that are advised for the cluster."
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Let the report take the place of files that have its names; they are kept under "
            "another name. An older report is replaced without that.",
        ),
    ] = False,
    no_cache: NoCache = False,
) -> None:
    """Study frames, and write a report of their fringe and of what thresholds do about it.

    Writes report.html, one file that opens offline, report.md with its pictures, and
    report.json with every figure; all or none.
    """
    options = changed(StudyOptions(), study)
    advice_options = changed(AdviceOptions(), advice)
    parameters = None
    if config is not None or thresholds:
        parameters = chosen_thresholds(config, thresholds)
    trouble = Trouble()
    clusters = found_clusters(frames, trouble, root=root)
    folders = result_folders(out, clusters)

    from napari_zecoverage.report import check_report_folder

    for folder in folders:
        check_report_folder(folder, force=force)
    for cluster, folder in zip(clusters, folders, strict=True):
        with trouble.caught(cluster.name):
            _report_one(
                cluster,
                folder,
                parameters,
                options,
                advice_options,
                force=force,
                cache=not no_cache,
            )
    trouble.end()


def _report_one(
    cluster: Cluster,
    folder: Path,
    parameters: MaskParameters | None,
    options: StudyOptions,
    advice_options: AdviceOptions,
    *,
    force: bool,
    cache: bool,
) -> None:
    from napari_zecoverage.report import write_report

    study = studied(cluster, options, cache=cache)
    say_aside(f"{cluster.name}: writing the report")
    written = write_report(folder, study, parameters, options=advice_options, force=force)
    rows = [("found", study.summary)]
    rows += [("written", str(each)) for each in (written.html, written.markdown, written.figures)]
    show_table(cluster.name, rows)
