"""``zecoverage export``: thresholds into ZeMosaic's config, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from napari_zecoverage.cli.console import asked, say_aside, say_error, show_table
from napari_zecoverage.cli.endings import Trouble, reports_errors
from napari_zecoverage.cli.options import changed, takes
from napari_zecoverage.cli.studying import Root, found_clusters, gating_words, gatings_of
from napari_zecoverage.core.errors import ConfigError, StudyError
from napari_zecoverage.core.parameters import MaskParameters

if TYPE_CHECKING:
    from napari_zecoverage.zemosaic.config_writing import ConfigChange
    from napari_zecoverage.zemosaic.kept_results import KeptResults

_READ_FROM: Final = {
    "A": "ZeMosaic takes it from its window, which loads the file when it is started",
    "T": "ZeMosaic reads it from the file for every tile",
    "R": "ZeMosaic reads it from the file when a run starts",
    "lecropper": "only lecropper reads it, run by itself",
}


@reports_errors
@takes(thresholds=MaskParameters)
def export(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="ZeMosaic's zemosaic_config.json, or the folder that holds it.",
            show_default=False,
        ),
    ],
    thresholds: dict[str, Any],
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="The output folder of a ZeMosaic run: shows on which of its clusters thresholds "
            "act, and what it kept that would hide the change.",
            show_default=False,
        ),
    ] = None,
    root: Root = None,
    clear_kept: Annotated[
        bool,
        typer.Option(
            "--clear-kept",
            help="Remove what the run kept (master tiles, checkpoints of the mosaic), after a yes.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Say yes beforehand, for scripts.")] = False,
    keys: Annotated[
        bool,
        typer.Option(
            "--keys", help="Show each key of the config about this, who reads it, and what of it."
        ),
    ] = False,
    backups: Annotated[
        bool, typer.Option("--backups", help="List the configs that were kept at earlier exports.")
    ] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Put the config back that was kept last.")
    ] = False,
    restore_from: Annotated[
        Path | None,
        typer.Option(metavar="BACKUP", help="Put this one back.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, write nothing.")
    ] = False,
    create: Annotated[
        bool, typer.Option("--create", help="Make the config when there is none.")
    ] = False,
) -> None:
    """Write thresholds into ZeMosaic's config; the file before is kept beside it.

    Only the thresholds that are named change.
    """
    restoring = restore or restore_from is not None
    _refuse_senseless(
        thresholds,
        restoring=restoring,
        showing=backups or keys,
        with_run=run is not None,
        clear_kept=clear_kept,
    )
    changed(MaskParameters(), thresholds)
    if keys:
        _show_keys(config)
    if backups:
        _show_backups(config)
    trouble = Trouble()
    kept = None
    if run is not None:
        # Before anything is written: to see on what it will act.
        kept = _show_run(run, root, config, trouble)
    if restoring:
        _warn_of_running()
        _restore(config, restore_from, dry_run=dry_run)
    elif thresholds:
        _warn_of_running()
        _write(config, thresholds, dry_run=dry_run, create=create)
    if kept is not None and clear_kept:
        _clear(kept, trouble, yes=yes, dry_run=dry_run)
    trouble.end()


def _refuse_senseless(
    thresholds: dict[str, Any],
    *,
    restoring: bool,
    showing: bool,
    with_run: bool,
    clear_kept: bool,
) -> None:
    if not (thresholds or restoring or showing or with_run):
        raise typer.BadParameter(
            "name at least one, as in --min-coverage-frac 0.6", param_hint="thresholds"
        )
    if restoring and thresholds:
        raise typer.BadParameter(
            "either thresholds are written, or an earlier config is put back",
            param_hint="--restore",
        )
    if clear_kept and not with_run:
        raise typer.BadParameter("name the run with --run RUN", param_hint="--clear-kept")


# --- writing the config --------------------------------------------------------------------


def _write(config: Path, thresholds: dict[str, Any], *, dry_run: bool, create: bool) -> None:
    from napari_zecoverage.core.errors import ConfigChangedError, ConfigNotFoundError
    from napari_zecoverage.zemosaic.config import changed_since, read_config
    from napari_zecoverage.zemosaic.config_values import spelled
    from napari_zecoverage.zemosaic.config_writing import write_config

    try:
        before = read_config(config)
    except ConfigNotFoundError:
        if not create:
            raise
        before = None
    base = MaskParameters() if before is None else before.parameters
    for note in base.notes:
        say_aside(f"{config}: {note}")
    try:
        change = write_config(
            config, changed(base, thresholds), expected=before, dry_run=dry_run, create=create
        )
    except ConfigChangedError:
        if before is not None:
            for key, old, new in changed_since(before):
                say_aside(
                    f"{config}: {key} was {spelled(old)} when it was read, and is "
                    f"{spelled(new)} now"
                )
        raise
    _show_change(change, dry_run=dry_run)


def _restore(config: Path, backup: Path | None, *, dry_run: bool) -> None:
    from napari_zecoverage.zemosaic.config_backups import list_backups
    from napari_zecoverage.zemosaic.config_writing import restore_backup

    if backup is None:
        kept = list_backups(config)
        if not kept:
            raise ConfigError(config, "there is no earlier config beside it to put back.")
        backup = kept[0].path
    say_aside(f"putting back {backup}")
    _show_change(restore_backup(config, backup, dry_run=dry_run), dry_run=dry_run)


def _show_change(change: ConfigChange, *, dry_run: bool = False) -> None:
    from napari_zecoverage.zemosaic.config import CLOSE_ZEMOSAIC_FIRST
    from napari_zecoverage.zemosaic.config_keys import CONFIG_KEYS

    readers = {entry.key: _READ_FROM[entry.reader] for entry in CONFIG_KEYS}
    rows = [
        ("change", f"{line} ({readers[each.key]})" if each.key in readers else line)
        for each, line in zip(change.changes, change.lines(), strict=True)
    ]
    if change.takes_mark_out:
        rows.append(("change", "the byte order mark goes: with it ZeMosaic cannot read the file"))
    if not rows:
        rows.append(("change", "none: the config has these values already"))
    elif dry_run:
        rows.append(("written", "nothing, because of --dry-run"))
    if change.backup is not None:
        rows.append(("kept", f"the file before, as {change.backup}"))
    rows.append(("note", CLOSE_ZEMOSAIC_FIRST))
    rows.append(
        ("note", f"Whether they act in your ZeMosaic: zecoverage doctor {change.path.parent}")
    )
    show_table(str(change.path), rows)


def _warn_of_running() -> None:
    from napari_zecoverage.zemosaic.running import find_running_zemosaic

    for process in find_running_zemosaic():
        say_aside(
            f"warning: ZeMosaic is running, {process}. Its window writes its own values back when "
            "a run starts and when it is closed: close it, then export (again)."
        )


# --- what there is -------------------------------------------------------------------------


def _show_keys(config: Path) -> None:
    from napari_zecoverage.zemosaic.config import read_config
    from napari_zecoverage.zemosaic.config_check import check_config

    read = read_config(config)
    rows = [
        ("warning" if each.level == "warning" else "key", each.line())
        for each in check_config(read)
    ]
    show_table(str(read.path), rows)


def _show_backups(config: Path) -> None:
    from napari_zecoverage.zemosaic.config_backups import list_backups

    rows = [
        (f"{each.taken:%Y-%m-%d %H:%M:%S} UTC", f"{each.path} ({each.size_bytes} bytes)")
        for each in list_backups(config)
    ]
    show_table("earlier configs, the newest first", rows or [("none", "")])


def _show_run(run: Path, root: Path | None, config: Path, trouble: Trouble) -> KeptResults:
    """Print on which clusters thresholds act, and what would hide a change."""
    from napari_zecoverage.core.errors import ConfigNotFoundError
    from napari_zecoverage.zemosaic.config import read_config
    from napari_zecoverage.zemosaic.kept_results import find_kept_results

    kept = find_kept_results(run)
    clusters = found_clusters([run], trouble, root=root)
    try:
        values = read_config(config)
    except ConfigNotFoundError:
        values = None
    # Most clusters of a run have the same answer.
    names: dict[str, list[str]] = {}
    for cluster, gating in zip(clusters, gatings_of(clusters, values), strict=True):
        names.setdefault(gating_words(gating), []).append(cluster.name)
    rows = [("clusters", f"{', '.join(same)}: {words}") for words, same in names.items()]
    rows += [("kept", line) for line in kept.lines()]
    if kept.items and kept.is_run_folder:
        rows.append(("next", f"zecoverage export CONFIG --run {run} --clear-kept removes them"))
    show_table(str(run), rows)
    return kept


def _clear(kept: KeptResults, trouble: Trouble, *, yes: bool, dry_run: bool) -> None:
    from napari_zecoverage.zemosaic.kept_results import clear_kept_results

    if not kept.items:
        return
    if dry_run:
        say_aside("nothing is removed, because of --dry-run")
        return
    if not yes:
        answer = asked(f"Remove these {len(kept.items)} kept results of {kept.folder}?")
        if answer is None:
            raise StudyError("nobody answered, so nothing was removed; --yes answers beforehand")
        if not answer:
            say_aside("nothing was removed")
            return
    cleared = clear_kept_results(kept)
    show_table(str(kept.folder), [("kept", line) for line in cleared.lines()])
    for path, reason in cleared.left:
        trouble.count += 1
        say_error(f"{path} is left: {reason}")
