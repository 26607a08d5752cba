"""``zecoverage tiles``: masked master tiles for ZeMosaic's "existing master tiles" mode."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_zecoverage.cli.console import say_aside, say_error, show_table
from napari_zecoverage.cli.endings import Trouble, reports_errors
from napari_zecoverage.cli.options import changed, takes
from napari_zecoverage.cli.studying import (
    Config,
    NoCache,
    Root,
    chosen_thresholds,
    found_clusters,
    gating_words,
    gatings_of,
    show_study,
    studied,
)
from napari_zecoverage.core.errors import StudyError
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.paths import absolute

if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.studied import ClusterStudy


class CoverageAs(StrEnum):
    """Where a tile's coverage goes."""

    HDU = "hdu"
    SIDECAR = "sidecar"
    NONE = "none"


@reports_errors
@takes(thresholds=MaskParameters, study=StudyOptions)
def tiles(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="The output folder of a ZeMosaic run, whose clusters are taken; or a folder of "
            "frames, which are one, and those of each of its sub-folders another.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for the tiles: ZeMosaic's input folder then.",
            show_default=False,
        ),
    ],
    thresholds: dict[str, Any],
    study: dict[str, Any],
    root: Root = None,
    coverage: Annotated[
        CoverageAs,
        typer.Option(
            help="Put each tile's coverage behind it as HDU COVERAGE, beside it as a sidecar, or "
            "nowhere; lecropper finds both."
        ),
    ] = CoverageAs.HDU,
    config: Config = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the tiles that are in the folder already.")
    ] = False,
    no_cache: NoCache = False,
) -> None:
    """Write the masked master tile of every cluster, for ZeMosaic to take as it is.

    This way tuned masks act in any ZeMosaic, and every aligned frame is in the
    stack. Each tile is there whole, or not at all.
    """
    from napari_zecoverage.zemosaic.run_names import TILE_NAME
    from napari_zecoverage.zemosaic.tiles_folder import check_tiles_folder

    options = changed(StudyOptions(), study)
    if options.stack == "none":
        raise typer.BadParameter("a tile needs a stack", param_hint="--stack")
    parameters = chosen_thresholds(config, thresholds)
    out = absolute(out)
    check_tiles_folder(out, overwrite=force)
    trouble = Trouble()
    clusters = found_clusters([run], trouble, root=root)
    written = []
    for number, cluster, words in zip(
        _numbers(clusters), clusters, _gating_words(clusters, config), strict=True
    ):
        path = out / TILE_NAME.format(number)
        with trouble.caught(cluster.name):
            _refuse_hopeless(cluster)
            found = studied(cluster, options, cache=not no_cache)
            _write_one(
                path, number, found, parameters, words, trouble, coverage=coverage, force=force
            )
            written.append(path)
            continue
        # Of a run, the first cluster's notes are about all of it.
        for note in cluster.notes:
            say_aside(f"{cluster.name}: {note}")
    if clusters:
        _show_end(out, written)
    trouble.end()


def _numbers(clusters: Sequence[Cluster]) -> list[int]:
    """Return the number of each cluster's tile: ZeMosaic's own where the run tells all."""
    told = [each.tile_id for each in clusters if each.tile_id is not None]
    return told if len(set(told)) == len(clusters) else list(range(len(clusters)))


def _gating_words(clusters: Sequence[Cluster], config: Path | None) -> list[str]:
    from napari_zecoverage.zemosaic.config import read_config

    gatings = gatings_of(clusters, None if config is None else read_config(config))
    return [gating_words(each) for each in gatings]


def _refuse_hopeless(cluster: Cluster) -> None:
    """Refuse a cluster that no tile can come of before it is studied, which takes long."""
    from napari_zecoverage.zemosaic.gating import gate

    gating = gate(cluster, None)
    if gating.rule == "grid":
        raise StudyError(f"{gating.reason} Nothing was written.")
    if all(frame.wcs_header is None for frame in cluster.frames):
        raise StudyError(
            "none of its frames has a WCS that ZeMosaic accepts, and it takes no tile without one. "
            "Let ZeMosaic (or ASTAP) solve the frames first."
        )


def _write_one(
    path: Path,
    number: int,
    study: ClusterStudy,
    parameters: MaskParameters,
    gating: str,
    trouble: Trouble,
    *,
    coverage: CoverageAs,
    force: bool,
) -> None:
    from napari_zecoverage.core.outcome import apply_mask
    from napari_zecoverage.zemosaic.coverage_map import sidecar_path, write_coverage_map
    from napari_zecoverage.zemosaic.master_tile import write_master_tile
    from napari_zecoverage.zemosaic.tile_check import check_master_tile

    outcome = apply_mask(study, parameters)
    with_coverage = coverage is CoverageAs.HDU
    place = write_master_tile(
        path, study, outcome, tile_id=number, overwrite=force, with_coverage=with_coverage
    )
    rows = [("gating", gating), ("written", str(place))]
    sidecar = sidecar_path(place)
    if coverage is CoverageAs.SIDECAR and study.coverage is not None:
        write_coverage_map(sidecar, study, outcome.saved_rect, overwrite=force)
        rows.append(("written", str(sidecar)))
    elif os.path.lexists(sidecar):
        rows.append(("note", f"{sidecar} is of an earlier tile; lecropper would take it."))
    problems = check_master_tile(place)
    rows += [("problem", problem) for problem in problems]
    show_study(study, outcome, rows)
    for problem in problems:
        trouble.count += 1
        say_error(f"{study.cluster.name}: {place}: {problem}")


def _show_end(out: Path, written: Sequence[Path]) -> None:
    """Print what there is now, and what ZeMosaic needs of it."""
    from napari_zecoverage.zemosaic.tiles_folder import LEAST_TILES, notes_on_tiles

    rows = [("tiles", f"{len(written)} written")]
    rows += [("note", note) for note in notes_on_tiles(out, written)]
    use = (
        "Give this folder to ZeMosaic as its input folder, and turn existing master tiles on "
        f"(use_existing_master_tiles). It needs at least {LEAST_TILES} tiles."
    )
    show_table(str(out), [*rows, ("next", use)])
