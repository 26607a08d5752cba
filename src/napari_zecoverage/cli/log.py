"""``zecoverage log``: what ZeMosaic's log says of each tile, beside what we compute."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from napari_zecoverage.cli.console import say, say_aside, show_table
from napari_zecoverage.cli.endings import Trouble, reports_errors
from napari_zecoverage.cli.options import changed, takes
from napari_zecoverage.cli.studying import (
    NoCache,
    Root,
    found_clusters,
    studied,
    thresholds_from,
)
from napari_zecoverage.core.errors import RunFolderError, StudyError
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions

if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.zemosaic.log_comparison import Computed
    from napari_zecoverage.zemosaic.logs import LogReading


_SHOWN: Final = 20
"""So many lines are shown that no tile has."""


@reports_errors
@takes(thresholds=MaskParameters, study=StudyOptions)
def log(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="zemosaic_worker.log, or the folder that holds it.",
            show_default=False,
        ),
    ],
    thresholds: dict[str, Any],
    study: dict[str, Any],
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN]",
            help="The output folder of that run: its tiles that the log names are studied, and "
            "set beside what ZeMosaic said.",
            show_default=False,
        ),
    ] = None,
    root: Root = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Take the thresholds from ZeMosaic's config, not from the one that the run kept "
            "a copy of; options come on top.",
            show_default=False,
        ),
    ] = None,
    no_cache: NoCache = False,
) -> None:
    """Read ZeMosaic's log: coverage, thresholds, guards, masks and crops of each tile."""
    from napari_zecoverage.zemosaic.log_comparison import compare_log
    from napari_zecoverage.zemosaic.logs import read_log

    changed(MaskParameters(), thresholds)
    options = changed(StudyOptions(), study)
    reading = read_log(file)
    trouble = Trouble()
    computed: dict[int, Computed] = {}
    if run is not None:
        clusters = [
            each
            for each in found_clusters([run], trouble, root=root)
            if each.tile_id in reading.tiles
        ]
        if not clusters and not trouble.count:
            raise StudyError(
                f"{run}: the run has none of the tiles of the log. Name the output folder of the "
                "run that wrote it."
            )
        parameters = changed(_run_thresholds(clusters, config), thresholds)
        computed = _computed(clusters, parameters, options, trouble, cache=not no_cache)
    _show_reading(reading)
    for comparison in compare_log(reading, computed):
        say("\n".join(comparison.lines()))
    trouble.end()


def _run_thresholds(clusters: list[Cluster], config: Path | None) -> MaskParameters:
    """Return the thresholds of the config that is named, else of the run itself."""
    from napari_zecoverage.zemosaic.manifests import read_snapshot

    if config is not None or not clusters or clusters[0].run_folder is None:
        return thresholds_from(config)
    snapshot = None
    with suppress(RunFolderError):
        snapshot = read_snapshot(clusters[0].run_folder)
    if snapshot is None:
        say_aside("the run kept no copy of its config: ZeMosaic's default thresholds are taken")
        return MaskParameters()
    return MaskParameters.from_config(snapshot)


def _computed(
    clusters: list[Cluster],
    parameters: MaskParameters,
    options: StudyOptions,
    trouble: Trouble,
    *,
    cache: bool,
) -> dict[int, Computed]:
    from napari_zecoverage.core.outcome import apply_mask

    computed: dict[int, Computed] = {}
    for cluster in clusters:
        with trouble.caught(cluster.name):
            study = studied(cluster, options, cache=cache)
            outcome = None if study.coverage is None else apply_mask(study, parameters)
            if cluster.tile_id is not None:
                computed[cluster.tile_id] = (study, outcome)
    return computed


def _show_reading(reading: LogReading) -> None:
    understood = sum(len(tile.entries) for tile in reading.tiles.values())
    rows = [
        ("lines", f"{reading.lines}, of them {reading.debug_lines} DEBUG"),
        ("understood", f"{understood} of certain tiles, {len(reading.without_tile)} of others"),
        ("tiles", ", ".join(map(str, reading.tiles)) or "none"),
    ]
    rows += _first(
        "of some tile",
        [f"line {each.line}: {each.text}" for each in reading.without_tile],
        len(reading.without_tile),
    )
    rows += _first(
        "not read",
        [f"line {line}: {text}" for line, text in reading.not_understood],
        reading.not_understood_count,
    )
    rows += [("note", note) for note in reading.notes]
    show_table(str(reading.path), rows)


def _first(name: str, lines: list[str], count: int) -> list[tuple[str, str]]:
    """Return rows for the first lines, and one that counts the others."""
    shown = lines[:_SHOWN]
    if count > len(shown):
        shown.append(f"and {count - len(shown)} more")
    return [(name, line) for line in shown]
