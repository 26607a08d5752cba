"""``zecoverage run``: all clusters of a run, and one advice for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from napari_zecoverage.cli.console import asides, plain, say_aside, show_table
from napari_zecoverage.cli.endings import Trouble, reports_errors
from napari_zecoverage.cli.options import changed, takes
from napari_zecoverage.cli.studying import (
    Config,
    Force,
    NoCache,
    Root,
    chosen_thresholds,
    found_clusters,
)
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions

# Everything heavier is imported where it is used: --help must not wait for it.
if TYPE_CHECKING:
    from napari_zecoverage.many import RunProgress


@reports_errors
@takes(thresholds=MaskParameters, study=StudyOptions, advice=AdviceOptions)
def run(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="A ZeMosaic run folder, whose clusters are those that ZeMosaic made; or frames "
            "and folders of frames, as for zecoverage mask.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the results: run.json with every figure, and the report.",
            show_default=False,
        ),
    ],
    thresholds: dict[str, Any],
    study: dict[str, Any],
    advice: dict[str, Any],
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on the workers of this Dask scheduler, as tcp://host:8786, which must find "
            "the frames under the same paths. Only one that you trust: it runs what it likes. By "
            "default processes of this machine.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="At most so many clusters at the same time; by default as many as there are "
            "cores and free memory for, or workers of the scheduler.",
            show_default=False,
        ),
    ] = None,
    root: Root = None,
    config: Config = None,
    force: Force = False,
    no_cache: NoCache = False,
) -> None:
    """Study all clusters of a run, show what the thresholds do to each, advise one set for all.

    A run that was stopped goes on, the next time, from the clusters that were studied.
    """
    options = changed(StudyOptions(), study)
    advice_options = changed(AdviceOptions(), advice)
    parameters = chosen_thresholds(config, thresholds)

    from napari_zecoverage.report import check_report_folder, write_report
    from napari_zecoverage.run_figures import check_run_folder, write_run_figures

    check_run_folder(out, force=force)
    check_report_folder(out, force=force)
    trouble = Trouble()
    clusters = found_clusters(places, trouble, root=root)
    if not clusters:
        trouble.end()

    from napari_zecoverage.cli.run_table import show_advice, show_clusters
    from napari_zecoverage.many import study_many

    with RunProgressBar() as bar:
        studied = study_many(
            clusters,
            options,
            parameters=parameters,
            advice_options=advice_options,
            scheduler=scheduler,
            workers=workers,
            cache=not no_cache,
            progress=bar,
        )
    trouble.count += sum(bool(each.error) for each in studied.clusters)
    show_clusters(studied, parameters)
    if studied.advice is not None:
        show_advice(studied.advice)
    say_aside("writing the results…")
    written = [write_run_figures(out, studied, parameters, force=force)]
    with trouble.caught("report"):
        # Without any, the report is of those that are advised.
        asked = parameters if config is not None or thresholds else None
        report = write_report(out, studied, asked, force=force)
        written += [report.html, report.markdown, report.figures]
    show_table("written", [("", str(each)) for each in written])
    trouble.end()


class RunProgressBar:
    """Shows how far a run is: a bar on a terminal, else a line for each finished cluster."""

    def __init__(self) -> None:
        self._console = asides()
        self._bar = Progress(
            TextColumn("clusters", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> RunProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, progress: RunProgress) -> None:
        """Take one report of `study_many`."""
        self._bar.update(
            self._task,
            completed=progress.done,
            total=progress.total,
            description=plain(progress.name),
        )
        if progress.finished is not None:
            self._console.print(plain(str(progress)))
