"""A new config put in the place of the old one: whole, or not at all.

A kill at any moment leaves the old or the new file. What a killed export left beside it
is removed by a later one.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from napari_zecoverage.core.errors import ConfigWriteError, reason_of
from napari_zecoverage.zemosaic.config import config_changed, read_if_present
from napari_zecoverage.zemosaic.config_backups import free_backup_name, remove_old_backups

STALE_AFTER_S: Final = 3600
"""A hidden temporary file of ours that is older, in seconds, was left by a killed process."""


def swap_in(place: Path, new: bytes, old: bytes | None) -> Path | None:
    """Put `new` in the place of `old` (None: there is no file yet); return the backup's path."""
    target = Path(os.path.realpath(place))
    temporary: Path | None = None
    backup: Path | None = None
    try:
        if old is not None:
            _refuse_read_only(place, target)
        temporary = _write_beside(target, new)
        if old is not None:
            backup = _back_up(target, old)
        if read_if_present(target) != old:
            raise config_changed(place)
        os.replace(temporary, target)
    except BaseException as error:
        # Interrupts too. A temporary file that is gone was swapped in: the backup is needed then.
        if temporary is not None and os.path.lexists(temporary):
            for leftover in (temporary, backup):
                if leftover is not None:
                    with suppress(OSError):
                        os.unlink(leftover)
        if isinstance(error, OSError):
            raise ConfigWriteError(place, _why_not_written(error)) from error
        raise
    _sync_folder(target.parent)
    if backup is not None:
        remove_old_backups(target, backup)
    _remove_stale_temporaries(target)
    return backup


def _refuse_read_only(place: Path, target: Path) -> None:
    # A swap would succeed on a write-protected file; whoever protected it meant it.
    writable_by_somebody = target.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    if not (writable_by_somebody and os.access(target, os.W_OK)):
        raise ConfigWriteError(
            place, "is read-only; nothing was written. Allow writing to it and export once more."
        )


def _write_beside(target: Path, content: bytes) -> Path:
    """Write `content` whole to a new file in the target's folder, with the target's owner."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as handle:
            if target.exists():
                _keep_owner_and_permissions(target, temporary)
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return temporary


def _keep_owner_and_permissions(target: Path, temporary: Path) -> None:
    if sys.platform != "win32":
        known = target.stat()
        # Only root may give a file away; the permissions matter more.
        with suppress(OSError):
            os.chown(temporary, known.st_uid, known.st_gid)
    shutil.copymode(target, temporary)


def _back_up(target: Path, old: bytes) -> Path:
    temporary = _write_beside(target, old)
    try:
        backup = free_backup_name(target)
        os.replace(temporary, backup)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return backup


def _remove_stale_temporaries(target: Path) -> None:
    """Remove what writes that were killed left beside the config; a fresh one may be in use."""
    name = re.compile(re.escape(f".{target.name}.") + r"[0-9a-f]{16}\.tmp", re.ASCII)
    with suppress(OSError):
        # The file just swapped in tells the time by the disk's own clock.
        now = target.stat().st_mtime
        for entry in target.parent.iterdir():
            if name.fullmatch(entry.name):
                state = entry.lstat()
                if stat.S_ISREG(state.st_mode) and now - state.st_mtime > STALE_AFTER_S:
                    entry.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the swap outlast a power cut, where the system can (Windows cannot)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _why_not_written(error: OSError) -> str:
    advice = {
        errno.EACCES: " Allow writing to the file and its folder, or close what holds it open.",
        errno.EPERM: " Allow writing to the file and its folder, or close what holds it open.",
        errno.EROFS: " The disk is read-only; copy ZeMosaic to one that can be written.",
        errno.ENOSPC: " Make room on the disk.",
        errno.EDQUOT: " Make room on the disk.",
        errno.ENOENT: " Make the folder first.",
        errno.ENOTDIR: " Make the folder first.",
    }
    what = f"cannot be written: {reason_of(error)}. Nothing was changed."
    return what + advice.get(error.errno or 0, "")
