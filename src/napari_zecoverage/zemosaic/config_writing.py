"""Thresholds merged into ZeMosaic's config, backups put back, and whether they stayed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

from napari_zecoverage.core.errors import ConfigFormatError, ConfigNotFoundError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.config import (
    ConfigFile,
    check_unchanged,
    config_not_found,
    place_of,
    read_if_present,
)
from napari_zecoverage.zemosaic.config_backups import Backup, own_backup
from napari_zecoverage.zemosaic.config_swap import swap_in
from napari_zecoverage.zemosaic.config_text import edited_text, parse_config
from napari_zecoverage.zemosaic.config_values import (
    MISSING,
    KeyChange,
    differences,
    same_value,
    spelled,
    value_as_read,
)

ALWAYS_WRITTEN: Final = (
    "altaz_min_coverage_abs",
    "altaz_min_coverage_frac",
    "altaz_morph_open_px",
)
"""Keys that `write_config` adds to a file that lacks them, whatever their values."""


@dataclass(frozen=True)
class ConfigChange:
    """What an export changes, or with ``dry_run`` would change.

    Attributes
    ----------
    path : pathlib.Path
        The config, absolute.
    backup : pathlib.Path or None
        Where the previous file is kept; None when nothing was replaced.
    changes : tuple of KeyChange
        Only what differs; empty when the file says it all already.
    takes_mark_out : bool
        The file began with a byte order mark, with which ZeMosaic cannot read it.
    """

    path: Path
    backup: Path | None
    changes: tuple[KeyChange, ...]
    takes_mark_out: bool = False

    def lines(self) -> list[str]:
        """Return one readable line a key: ``altaz_morph_open_px: 3 → 1``."""
        return [f"{key}: {spelled(old)} → {spelled(new)}" for key, old, new in self.changes]


class Reverted(NamedTuple):
    """A key that no longer reads as we wrote it: before the export, ours, and now."""

    key: str
    before: Any
    written: Any
    now: Any

    @property
    def to_old(self) -> bool:
        """Whether the value from before the export is back, as ZeMosaic reads it."""
        return same_value(value_as_read(self.key, self.now), value_as_read(self.key, self.before))

    def line(self) -> str:
        """Return it for people: ``altaz_morph_open_px: 1 was written, 3 is back``."""
        again = "is back" if self.to_old else "stands there now"
        now = "nothing" if self.now is MISSING else spelled(self.now)
        return f"{self.key}: {spelled(self.written)} was written, {now} {again}"


def write_config(
    path: str | PathLike[str],
    parameters: MaskParameters,
    *,
    expected: ConfigFile | str | None = None,
    dry_run: bool = False,
    create: bool = False,
) -> ConfigChange:
    """Merge thresholds into ZeMosaic's config, and keep the previous file beside it.

    Which of our keys are written:

    - a key in the file: when ZeMosaic reads another value there than ours. A value
      that reads the same (``3`` and ``3.0``) is left as it is spelled. Of a key that
      the file has twice, the last is changed, the one that counts.
    - a key that the file lacks: the three of `ALWAYS_WRITTEN` always, so that the file
      says what was tuned; another only when ours differs from what ZeMosaic takes then,
      its default.

    A byte order mark before the text is taken out: ZeMosaic cannot read a file that
    begins with one, and takes its defaults for everything.

    New keys are added at the end. The new file is written beside the old one and
    swapped in, so a kill at any moment leaves the old or the new file, whole; what a
    killed export left beside it is removed by a later one. Owner and permissions are
    kept; of a link, the file that it leads to is replaced. Backups are called
    ``<name>.<UTC time>.bak``; the last `BACKUPS_KEPT` stay.

    Parameters
    ----------
    path : path-like
        The file, or the folder that holds ``zemosaic_config.json``.
    parameters : MaskParameters
        The thresholds.
    expected : ConfigFile or str, optional
        The config as it was read before, or its digest: nothing is written when the
        file is another now.
    dry_run : bool, default: False
        Work out the change, write nothing.
    create : bool, default: False
        Make a new file with our keys alone when there is none.

    Returns
    -------
    ConfigChange
        Old and new values. Without any, nothing was written and there is no backup.

    Raises
    ------
    ConfigNotFoundError
        There is no such file, and `create` was not asked for.
    ConfigChangedError
        The file changed since it was read; nothing was written.
    ConfigFormatError
        The file is not a JSON object in UTF-8, or larger than `MAX_BYTES`.
    ConfigWriteError
        It cannot be written (read-only, full disk, ...); the file is as it was.
    ConfigError
        It cannot be read.
    """
    place = place_of(path)
    raw = read_if_present(place)
    check_unchanged(place, raw, expected)
    if raw is None and not create:
        raise config_not_found(place)

    parsed = parse_config(place, b"{}" if raw is None else raw)
    change = ConfigChange(place, None, _changes(parsed.values, parameters), parsed.has_bom)
    if dry_run or (raw is not None and not change.changes and not change.takes_mark_out):
        return change
    return replace(change, backup=swap_in(place, edited_text(parsed, change.changes), raw))


def restore_backup(
    path: str | PathLike[str],
    backup: Backup | str | PathLike[str],
    *,
    expected: ConfigFile | str | None = None,
    dry_run: bool = False,
) -> ConfigChange:
    """Put a backup back, byte for byte; the present file becomes a backup itself.

    As `write_config` does, this leaves the old or the new file, whole, whenever it
    is killed, and keeps the last `BACKUPS_KEPT` backups: the one that is put back
    may be dropped from them, for it stands in the config then.

    Parameters
    ----------
    path : path-like
        The config, or the folder that holds ``zemosaic_config.json``. It may be
        damaged or gone.
    backup : Backup or path-like
        One of `list_backups`.
    expected : ConfigFile or str, optional
        As for `write_config`.
    dry_run : bool, default: False
        Work out the change, write nothing.

    Returns
    -------
    ConfigChange
        All keys that differ. Of a present file that cannot be read as a config each
        key of the backup counts as missing. With equal bytes nothing is written.

    Raises
    ------
    ConfigNotFoundError
        There is no such backup.
    ConfigFormatError
        The backup is no config.
    ConfigChangedError
        The config changed since it was read; nothing was written.
    ConfigWriteError
        The config cannot be written; it is as it was.
    ConfigError
        The file named is not one of our backups of this config, or cannot be read.
    """
    place = place_of(path)
    source = own_backup(place, backup.path if isinstance(backup, Backup) else backup)
    new = read_if_present(source)
    if new is None:
        raise ConfigNotFoundError(source, "there is no such backup any more.")
    wanted = parse_config(source, new).values
    raw = read_if_present(place)
    check_unchanged(place, raw, expected)
    change = ConfigChange(place, None, differences(_values_or_none(place, raw), wanted))
    if dry_run or raw == new:
        return change
    return ConfigChange(place, swap_in(place, new, raw), change.changes)


def reverted_after_export(change: ConfigChange, now: Mapping[str, Any]) -> tuple[Reverted, ...]:
    """Return which exported values do not stand in the config any more.

    An open window of ZeMosaic writes its own copy of the settings back when a run
    starts and when it is closed (ZEMOSAIC.md §6). Read the config again some time
    after an export and ask here.

    Parameters
    ----------
    change : ConfigChange
        What was exported (or restored).
    now : mapping
        The config as it was read afterwards.

    Returns
    -------
    tuple of Reverted
        Keys that ZeMosaic reads differently from what was written; a value that
        reads the same (3 and 3.0) is none of them.
    """
    return tuple(
        Reverted(key, old, new, now.get(key, MISSING))
        for key, old, new in change.changes
        if not same_value(value_as_read(key, new), value_as_read(key, now.get(key, MISSING)))
    )


def _changes(values: Mapping[str, Any], parameters: MaskParameters) -> tuple[KeyChange, ...]:
    as_read = MaskParameters.from_config(values).to_config()
    changes = []
    for key, new in parameters.to_config().items():
        old = values.get(key, MISSING)
        to_be_said = old is MISSING and key in ALWAYS_WRITTEN
        # How ZeMosaic takes NaN and Infinity differs from key to key: leave none standing.
        not_finite = isinstance(old, float) and not math.isfinite(old)
        if as_read[key] != new or to_be_said or not_finite:
            changes.append(KeyChange(key, old, new))
    return tuple(changes)


def _values_or_none(place: Path, raw: bytes | None) -> dict[str, Any]:
    """Return the values of a file that may be gone or damaged; nothing then."""
    with suppress(ConfigFormatError):
        return parse_config(place, b"{}" if raw is None else raw).values
    return {}
