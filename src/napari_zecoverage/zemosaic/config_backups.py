"""The backups that we keep beside ZeMosaic's config: what they are called, which stay."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple

from napari_zecoverage.core.errors import ConfigError, reason_of
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.zemosaic.config import followed, place_of

BACKUPS_KEPT: Final = 5
"""How many of our backups stay beside a config."""


class Backup(NamedTuple):
    """A config that we kept when we replaced it: the file, when (UTC), how large."""

    path: Path
    taken: datetime
    size_bytes: int


def list_backups(path: str | PathLike[str]) -> tuple[Backup, ...]:
    """Return our backups of a config, the newest first.

    Parameters
    ----------
    path : path-like
        The config, or the folder that holds ``zemosaic_config.json``; it need not
        be there any more.

    Raises
    ------
    ConfigError
        The folder cannot be read.
    """
    place = place_of(path)
    target = followed(place)
    backups = []
    try:
        for entry in target.parent.iterdir():
            taken = backup_time(target, entry.name)
            if taken is None:
                continue
            # Another export may have removed it meanwhile.
            with suppress(FileNotFoundError):
                state = entry.lstat()
                # A link may lead anywhere; ours are files.
                if stat.S_ISREG(state.st_mode):
                    backups.append(Backup(entry, taken, state.st_size))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, ValueError) as error:
        raise ConfigError(place, f"its backups cannot be listed: {reason_of(error)}.") from error
    return tuple(sorted(backups, key=lambda backup: backup.path.name, reverse=True))


def free_backup_name(target: Path) -> Path:
    """Return where a backup goes that is made now."""
    moment = datetime.now(UTC)
    while True:
        backup = target.with_name(f"{target.name}.{moment:%Y-%m-%dT%H-%M-%S.%fZ}.bak")
        if not os.path.lexists(backup):
            return backup
        moment += timedelta(microseconds=1)


def backup_time(target: Path, name: str) -> datetime | None:
    """Return when a backup of that name was made, None when it is not named as ours are."""
    shape = re.escape(target.name) + r"\.(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{6})Z\.bak"
    found = re.fullmatch(shape, name, re.ASCII)
    if found is not None:
        with suppress(ValueError):
            return datetime.strptime(found[1], "%Y-%m-%dT%H-%M-%S.%f").replace(tzinfo=UTC)
    return None


def own_backup(place: Path, backup: str | PathLike[str]) -> Path:
    """Return the backup's path, checked to be one of ours of this config."""
    target = followed(place)
    source = absolute(backup)
    beside = followed(source.parent) == target.parent
    if not beside or backup_time(target, source.name) is None or os.path.islink(source):
        raise ConfigError(
            source, f"is not a backup of {target.name} that was made here. Choose one of the list."
        )
    return source


def remove_old_backups(target: Path, newest: Path) -> None:
    """Remove all but the last `BACKUPS_KEPT` backups, of which `newest` is one."""
    # The config is written; a backup too many is no reason to report a failure.
    with suppress(OSError, ConfigError):
        # The newest is left out: a clock that was set back must not cost it.
        others = [each.path for each in list_backups(target) if each.path.name != newest.name]
        for backup in others[BACKUPS_KEPT - 1 :]:
            backup.unlink()
