"""`write_report`: gathers what was seen and decided, and writes it in three forms."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from napari_zecoverage import __version__
from napari_zecoverage.core.errors import StudyCancelledError, ZecoverageError
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.plural import counted
from napari_zecoverage.core.studied import ClusterStudy, StopCallback
from napari_zecoverage.report.cluster_pictures import ALONE, ONE_OF_MANY
from napari_zecoverage.report.document import Picture
from napari_zecoverage.report.figures import figures_of
from napari_zecoverage.report.findings import ClusterFindings, Known, find_out, without_study
from napari_zecoverage.report.html_page import write_html
from napari_zecoverage.report.markdown_page import write_markdown
from napari_zecoverage.report.paper import DARK, LIGHT, draw, size_of
from napari_zecoverage.report.placing import (
    FIGURES_NAME,
    HTML_NAME,
    MARKDOWN_NAME,
    PICTURES_NAME,
    folder_in_the_making,
)
from napari_zecoverage.report.run_chart import MOST_IN_RUN, RunPoint, lost_and_left, run_chart
from napari_zecoverage.report.sections import document_of
from napari_zecoverage.report.subject import Subject, worst_first
from napari_zecoverage.versions import versions_of

if TYPE_CHECKING:
    from napari_zecoverage.core.advice import Advice, RunAdvice
    from napari_zecoverage.core.fringe import Fringe
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.many import StudiedCluster, StudiedRun

_LIBRARIES: Final = (
    "numpy",
    "scipy",
    "opencv-python-headless",
    "astropy",
    "astroalign",
    "sep",
    "matplotlib",
    "dask",
    "napari",
)


@dataclass(frozen=True)
class ReportProgress:
    """How far a report is.

    Attributes
    ----------
    done, total : int
        Clusters.
    text : str
        What is being done, for people.
    """

    done: int
    total: int
    text: str = ""

    def __str__(self) -> str:
        detail = f": {self.text}" if self.text else ""
        return f"writing the report {self.done}/{self.total}{detail}"


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes
    ----------
    folder : Path
        Absolute.
    html, markdown, figures : Path
        report.html (one file with its pictures), report.md and report.json.
    pictures : tuple of Path
        PNG files, which report.md shows.
    """

    folder: Path
    html: Path
    markdown: Path
    figures: Path
    pictures: tuple[Path, ...]


def write_report(
    folder: str | PathLike[str],
    subject: ClusterStudy | StudiedRun,
    parameters: MaskParameters | None = None,
    *,
    fringe: Fringe | None = None,
    judged: JudgedCluster | None = None,
    advice: Advice | None = None,
    options: AdviceOptions | None = None,
    exported: Sequence[tuple[str, str | PathLike[str]]] = (),
    title: str | None = None,
    force: bool = False,
    progress: Callable[[ReportProgress], Any] | None = None,
    should_stop: StopCallback | None = None,
) -> Report:
    """Write what was seen in one cluster or in a whole run, and what was decided.

    Parameters
    ----------
    folder : path-like
        Made when it is not there; other files in it are left alone. An older report of
        ours in it is replaced when the new one is complete.
    subject : ClusterStudy or StudiedRun
        What the report is of.
    parameters : MaskParameters, optional
        The chosen thresholds. Else those that the advice gives, or ZeMosaic's defaults
        where there is none.
    fringe, judged, advice : optional
        Of a single cluster, where they are known already; else they are made. Of a run
        they come with it.
    options : AdviceOptions, optional
        What the advice goes by; of a run, where left out, what it was studied with.
    exported : sequence of (str, path-like)
        What was written where before this report, in words and as a path.
    title : str, optional
        Else the cluster's name, or the run's folder.
    force : bool, default: False
        Something in the folder that has a report's name but is not ours is moved
        aside, to ``NAME.kept-1``, instead of refused.
    progress : callable, optional
        Given a `ReportProgress` before each cluster and at the end.
    should_stop : callable, optional
        Asked before each cluster and between its pictures.

    Returns
    -------
    Report

    Raises
    ------
    OutputError
        The report cannot be written; what was there is as it was.
    StudyCancelledError
        `should_stop` said so; what was there is as it was.
    """
    tell = progress or _silent
    asked = should_stop or _never
    moment = datetime.now(UTC)
    target = absolute(folder)
    with folder_in_the_making(target, force=force) as aside:
        if isinstance(subject, ClusterStudy):
            tell(ReportProgress(0, 1, subject.cluster.name))
            known = Known(fringe, () if fringe is None else fringe.counts, judged, advice)
            told = _of_study(subject, parameters, options or AdviceOptions(), known, aside, asked)
        else:
            told = _of_run(
                subject, parameters, options or subject.advice_options, aside, tell, asked
            )
        total = len(told.clusters)
        tell(ReportProgress(total, total, "pages"))
        told = told._replace(
            title=title or told.title,
            made=f"{moment:%Y-%m-%d %H:%M} UTC",
            exported=tuple((what, os.fspath(where)) for what, where in exported),
            versions=_versions(),
        )
        _write_pages(told, moment, aside)
        pictures = sorted(each.name for each in (aside / PICTURES_NAME).iterdir())
        if asked():
            raise StudyCancelledError("the report was not finished")
    return Report(
        folder=target,
        html=target / HTML_NAME,
        markdown=target / MARKDOWN_NAME,
        figures=target / FIGURES_NAME,
        pictures=tuple(target / PICTURES_NAME / name for name in pictures),
    )


def _never() -> bool:
    return False


def _silent(_: ReportProgress) -> None:
    return None


def _of_study(
    study: ClusterStudy,
    parameters: MaskParameters | None,
    options: AdviceOptions,
    known: Known,
    folder: Path,
    should_stop: StopCallback,
) -> Subject:
    own = find_out(1, study, parameters, options, known, folder, ALONE, should_stop)
    chosen = parameters or (MaskParameters() if own.chosen is None else own.chosen.parameters)
    return Subject(
        title=study.cluster.name,
        made="",
        is_run=False,
        clusters=(own,),
        chosen=chosen,
        options=study.options,
        advice_options=options,
        advice=None,
        scheduler="",
        exported=(),
        versions={},
        pictures={},
    )


def _of_run(
    run: StudiedRun,
    parameters: MaskParameters | None,
    options: AdviceOptions,
    folder: Path,
    tell: Callable[[ReportProgress], Any],
    should_stop: StopCallback,
) -> Subject:
    if options != run.advice_options:
        run = _advised_anew(run, options)
    advised = run.parameters if run.advice is None else run.advice.parameters
    chosen = parameters or advised
    total = len(run.clusters)
    clusters = []
    for number, line in enumerate(run.clusters, 1):
        tell(ReportProgress(number - 1, total, line.cluster.name))
        if should_stop():
            raise StudyCancelledError("the report was not finished")
        clusters.append(_of_line(number, line, chosen, options, folder, should_stop))
    if not all(each.serves(chosen) for each in run.judged):
        # Judged anew for another margin: the advice for the run goes by the same figures.
        judged = tuple(each.judged for each in clusters if each.judged is not None)
        run = replace(run, advice=_advice_for(judged, chosen, options))
    folders = dict.fromkeys(
        each.cluster.run_folder for each in run.clusters if each.cluster.run_folder is not None
    )
    subject = Subject(
        title=f"Run {next(iter(folders)).name}" if folders else counted(total, "cluster"),
        made="",
        is_run=True,
        clusters=tuple(clusters),
        chosen=chosen,
        options=run.options,
        advice_options=options,
        advice=run.advice,
        scheduler=run.scheduler,
        exported=(),
        versions={},
        pictures={},
    )
    return subject._replace(pictures=_run_pictures(subject, folder))


def _advised_anew(run: StudiedRun, options: AdviceOptions) -> StudiedRun:
    """Return a run as it is advised by other options; each cluster's advice is left to be made."""
    lines = tuple(replace(each, advice=None) for each in run.clusters)
    return replace(run, clusters=lines, advice=_advice_for(run.judged, run.parameters, options))


def _advice_for(
    judged: tuple[JudgedCluster, ...], parameters: MaskParameters, options: AdviceOptions
) -> RunAdvice | None:
    """Return one advice for all clusters; None where the figures of some are for other settings."""
    if not judged or not all(each.serves(parameters) for each in judged):
        return None
    from napari_zecoverage.core.advice import advise_run

    return advise_run(judged, parameters, options=options)


def _of_line(
    number: int,
    line: StudiedCluster,
    chosen: MaskParameters,
    options: AdviceOptions,
    folder: Path,
    should_stop: StopCallback,
) -> ClusterFindings:
    """Find out about one cluster of a run; its pixels are in memory only meanwhile."""
    from napari_zecoverage.core.cache import read_study

    known = Known(None, line.fringe_counts, line.judged, line.advice)
    notes = line.notes
    if line.study_file is not None and not (line.error or line.skipped):
        try:
            study = read_study(line.study_file)
            # One from the cache has the name that its frames had when it was made.
            study = replace(study, cluster=line.cluster)
            return find_out(number, study, chosen, options, known, folder, ONE_OF_MANY, should_stop)
        except StudyCancelledError:
            raise
        except (ZecoverageError, MemoryError) as error:
            words = str(error) or "there is not enough memory"
            notes = (*notes, f"There are no pictures of this cluster: {words}.")
    elif line.judged is not None:
        notes = (*notes, "There are no pictures of this cluster: its study was not kept.")
    return without_study(
        number,
        line.cluster,
        known,
        chosen,
        summary=line.summary,
        trouble=line.error or line.skipped,
        skipped=bool(line.skipped and not line.error),
        notes=notes,
    )


def _run_pictures(subject: Subject, folder: Path) -> dict[str, Picture]:
    """Draw what all clusters lose and keep of their fringe."""
    shown = [each for each in worst_first(subject) if each.chosen is not None]
    points = [
        RunPoint(
            f"{each.number} · {each.cluster.name}",
            *(
                figure
                for choice in (each.before, each.chosen)
                for figure in lost_and_left(None if choice is None else choice.level)
            ),
        )
        for each in shown[:MOST_IN_RUN]
    ]
    if not points:
        return {}
    files = []
    tolerance = subject.advice_options.tolerance
    for name, paper in (("run-clusters", LIGHT), ("run-clusters-dark", DARK)):
        figure = run_chart(points, tolerance, paper)
        size = size_of(figure)
        files.append(f"{PICTURES_NAME}/{name}.png")
        (folder / files[-1]).write_bytes(draw(figure))
    most = f" The {len(points)} worst of {len(shown)}." if len(shown) > len(points) else ""
    picture = Picture(
        files[0],
        "Two figures of every cluster, with ZeMosaic's defaults and as chosen: the field lost, and "
        "the fringe left. They are in the table below.",
        f"What every cluster loses and what fringe it keeps, before and after.{most}",
        size,
        files[1],
    )
    return {"clusters": picture}


def _write_pages(subject: Subject, moment: datetime, folder: Path) -> None:
    document = document_of(subject)
    with open(folder / HTML_NAME, "x", encoding="utf-8", newline="\n") as file:
        write_html(file, document, folder)
    with open(folder / MARKDOWN_NAME, "x", encoding="utf-8", newline="\n") as file:
        write_markdown(file, document)
    # Plain ASCII: a file name that is no text at all is then still JSON.
    figures = json.dumps(figures_of(subject, moment.isoformat()), indent=1, allow_nan=False)
    (folder / FIGURES_NAME).write_text(figures + "\n", encoding="ascii", newline="\n")


def _versions() -> dict[str, str | None]:
    return {
        "napari-zecoverage": __version__,
        "Python": platform.python_version(),
        "system": platform.platform(terse=True),
        **versions_of(_LIBRARIES),
    }
