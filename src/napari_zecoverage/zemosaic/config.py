"""ZeMosaic's config: read as ZeMosaic reads it, written without disturbing the rest.

The file is edited as text: only the values of our keys change, so unknown keys,
their order, the spelling of every other value, the indentation, the line ends, a
byte order mark and the last line's end stay byte for byte (ZEMOSAIC.md §6).
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

from napari_zecoverage.core.errors import (
    ConfigChangedError,
    ConfigError,
    ConfigFormatError,
    ConfigNotFoundError,
    ConfigWriteError,
)
from napari_zecoverage.core.parameters import MaskParameters

CONFIG_NAME: Final = "zemosaic_config.json"
"""What ZeMosaic calls its config; it stands beside ``zemosaic_config.py``."""

CLOSE_ZEMOSAIC_FIRST: Final = (
    "Close ZeMosaic's window before exporting: while it is open it keeps its own copy of the "
    "settings, and it writes the old values back when a run starts and when it is closed."
)
"""What a user must know before an export (ZEMOSAIC.md §6)."""

ALWAYS_WRITTEN: Final = (
    "altaz_min_coverage_abs",
    "altaz_min_coverage_frac",
    "altaz_morph_open_px",
)
"""Keys that `write_config` adds to a file that lacks them, whatever their values."""

BACKUPS_KEPT: Final = 5
"""How many of our backups stay beside a config."""

STALE_AFTER_S: Final = 3600
"""A hidden temporary file of ours that is older, in seconds, was left by a killed process."""

MAX_BYTES: Final = 8 * 1024 * 1024
"""A larger file is not a config of ZeMosaic, whose own has some ten thousand bytes."""


class Missing(Enum):
    """The old value of a key that the file did not have."""

    MISSING = "not in the file"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, eq=False)
class ConfigFile(Mapping[str, Any]):
    """A config as it was read; a mapping of the JSON object's top level.

    Attributes
    ----------
    path : pathlib.Path
        The file, absolute; a link is not followed here.
    digest : str
        SHA-256 of the bytes as read, in hexadecimal.
    parameters : MaskParameters
        The thresholds as ZeMosaic reads them; its `notes` say what was not
        taken as it stands.
    """

    path: Path
    digest: str
    parameters: MaskParameters
    _values: dict[str, Any] = field(repr=False)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class KeyChange(NamedTuple):
    """One key that an export changes: its name, its old value (or `MISSING`), its new one."""

    key: str
    old: Any
    new: Any


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
    """

    path: Path
    backup: Path | None
    changes: tuple[KeyChange, ...]

    def lines(self) -> list[str]:
        """Return one readable line a key: ``altaz_morph_open_px: 3 → 1``."""
        return [f"{key}: {spelled(old)} → {spelled(new)}" for key, old, new in self.changes]


class Backup(NamedTuple):
    """A config that we kept when we replaced it: the file, when (UTC), how large."""

    path: Path
    taken: datetime
    size_bytes: int


class Reverted(NamedTuple):
    """A key that no longer reads as we wrote it: before the export, ours, and now."""

    key: str
    before: Any
    written: Any
    now: Any

    @property
    def to_old(self) -> bool:
        """Whether the value from before the export is back, as ZeMosaic reads it."""
        return _same(_reads_as(self.key, self.now), _reads_as(self.key, self.before))

    def line(self) -> str:
        """Return it for people: ``altaz_morph_open_px: 1 was exported, 3 is back``."""
        again = "is back" if self.to_old else "stands there now"
        now = "nothing" if self.now is MISSING else spelled(self.now)
        return f"{self.key}: {spelled(self.written)} was exported, {now} {again}"


def spelled(value: Any) -> str:
    """Return a config's value for people, as the file spells it, never long."""
    if value is MISSING:
        return Missing.MISSING.value
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def read_config(path: str | PathLike[str]) -> ConfigFile:
    """Read ZeMosaic's config.

    Of a key that the file has twice, the last counts, as for ZeMosaic.

    Parameters
    ----------
    path : path-like
        The file, or the folder that holds ``zemosaic_config.json``.

    Returns
    -------
    ConfigFile
        The values, and the thresholds in them.

    Raises
    ------
    ConfigNotFoundError
        There is no such file.
    ConfigFormatError
        It is not a JSON object in UTF-8, or larger than `MAX_BYTES`.
    ConfigError
        It cannot be read for another reason.
    """
    place = _place(path)
    raw = _read_bytes(place)
    values = _parse(place, raw).values
    return ConfigFile(place, _digest(raw), MaskParameters.from_config(values), values)


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
      says what was tuned; another only when ours differs from what ZeMosaic takes then
      (its default, or for ``altaz_nanize_threshold`` ``altaz_alpha_soft_threshold``).

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
    place = _place(path)
    raw = _read_if_present(place)
    _check_expected(place, raw, expected)
    if raw is None and not create:
        raise _not_found(place)

    parsed = _parse(place, b"{}" if raw is None else raw)
    change = ConfigChange(place, None, _changes(parsed.values, parameters))
    if dry_run or (raw is not None and not change.changes):
        return change
    backup = _swap_in(place, _edited(parsed, change.changes), raw)
    return ConfigChange(place, backup, change.changes)


def changed_since(config: ConfigFile) -> tuple[KeyChange, ...]:
    """Return what changed in a config on disk since it was read.

    Parameters
    ----------
    config : ConfigFile
        As it was read.

    Returns
    -------
    tuple of KeyChange
        Old: as it was read; new: as it stands on disk; `MISSING` where a key was
        added or removed. Empty also when only the spelling changed (3 and 3.0),
        or spaces: `write_config` refuses such a file as well, until it is read again.

    Raises
    ------
    ConfigNotFoundError
        The file is gone.
    ConfigError
        It cannot be read any more, or is no config any more.
    """
    raw = _read_bytes(config.path)
    if _digest(raw) == config.digest:
        return ()
    return _differences(config, _parse(config.path, raw).values)


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
        if not _same(_reads_as(key, new), _reads_as(key, now.get(key, MISSING)))
    )


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
    place = _place(path)
    target = _followed(place)
    backups = []
    try:
        for entry in target.parent.iterdir():
            taken = _backup_time(target, entry.name)
            # A link may lead anywhere; ours are files.
            if taken is not None and stat.S_ISREG((state := entry.lstat()).st_mode):
                backups.append(Backup(entry, taken, state.st_size))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, ValueError) as error:
        raise ConfigError(place, f"its backups cannot be listed: {_reason(error)}.") from error
    return tuple(sorted(backups, key=lambda backup: backup.path.name, reverse=True))


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
    place = _place(path)
    source = _own_backup(place, backup.path if isinstance(backup, Backup) else backup)
    new = _read_if_present(source)
    if new is None:
        raise ConfigNotFoundError(source, "there is no such backup any more.")
    wanted = _parse(source, new).values
    raw = _read_if_present(place)
    _check_expected(place, raw, expected)
    change = ConfigChange(place, None, _differences(_values_or_none(place, raw), wanted))
    if dry_run or raw == new:
        return change
    return ConfigChange(place, _swap_in(place, new, raw), change.changes)


# --- reading ---------------------------------------------------------------------------


def _check_expected(place: Path, raw: bytes | None, expected: ConfigFile | str | None) -> None:
    if expected is None:
        return
    digest = expected if isinstance(expected, str) else expected.digest
    if raw is None or _digest(raw) != digest:
        raise _changed(place)


def _place(path: str | PathLike[str]) -> Path:
    place = os.path.abspath(os.path.expanduser(path))
    return Path(place, CONFIG_NAME) if os.path.isdir(place) else Path(place)


def _followed(place: Path) -> Path:
    """Return where a path leads, links followed."""
    try:
        return Path(os.path.realpath(place))
    except ValueError as error:
        raise ConfigError(place, f"is no path: {error}.") from error


def _not_found(place: Path) -> ConfigNotFoundError:
    return ConfigNotFoundError(
        place,
        f"there is no such file. Name ZeMosaic's own {CONFIG_NAME} (it stands beside "
        "zemosaic_config.py), or the folder that holds it.",
    )


def _changed(place: Path) -> ConfigChangedError:
    return ConfigChangedError(
        place,
        "the file changed on disk since it was read. Nothing was written; read it again, look at "
        "the differences and export once more.",
    )


def _read_bytes(place: Path) -> bytes:
    raw = _read_if_present(place)
    if raw is None:
        raise _not_found(place)
    return raw


def _read_if_present(place: Path) -> bytes | None:
    """Return the file's bytes, None when there is no such file."""
    try:
        # A pipe would block, a device has no end.
        if not stat.S_ISREG(os.stat(place).st_mode):
            raise ConfigFormatError(place, f"is not a file. Name ZeMosaic's {CONFIG_NAME}.")
        with open(place, "rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(place, f"cannot be read: {_reason(error)}.") from error
    if len(raw) > MAX_BYTES:
        raise ConfigFormatError(
            place,
            f"has more than {MAX_BYTES // 1024**2} MB; ZeMosaic's config is far smaller. "
            f"Name ZeMosaic's {CONFIG_NAME}.",
        )
    return raw


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


class _Member(NamedTuple):
    """Where one member of the JSON object stands in the text."""

    key: str
    key_start: int
    key_end: int
    value_start: int
    value_end: int


class _Parsed(NamedTuple):
    text: str
    has_bom: bool
    values: dict[str, Any]
    members: list[_Member]


def _parse(place: Path, raw: bytes) -> _Parsed:
    has_bom = raw.startswith(codecs.BOM_UTF8)
    try:
        text = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
        if not text.strip():
            raise ConfigFormatError(
                place,
                "is empty. Let ZeMosaic write a new one (delete the file, start ZeMosaic and close "
                "it), or put a backup back.",
            )
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ConfigFormatError(
                place, f"must hold a JSON object ({{...}}), not {spelled(values)}."
            )
        members = _members(text)
    except UnicodeDecodeError as error:
        raise ConfigFormatError(
            place,
            f"is not UTF-8 text (byte {error.start}). Save it as UTF-8, or put a backup back.",
        ) from error
    except json.JSONDecodeError as error:
        raise ConfigFormatError(
            place,
            f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno}). Mend that "
            "place, or put a backup back.",
        ) from error
    except (RecursionError, ValueError) as error:
        # Thousands of brackets, or a whole number of thousands of digits.
        raise ConfigFormatError(
            place, "holds lists or numbers beyond all bounds; it is not a config of ZeMosaic."
        ) from error
    return _Parsed(text, has_bom, values, members)


_SPACE = re.compile(r"[ \t\n\r]*")


def _members(text: str) -> list[_Member]:
    """Find the members of the top-level object; `text` is known to be a JSON object."""
    decode = json.JSONDecoder().raw_decode
    members: list[_Member] = []
    at = _skip_space(text, text.index("{") + 1)
    while text[at] != "}":
        key_start = at
        key, key_end = decode(text, key_start)
        colon = _skip_space(text, key_end)
        value_start = _skip_space(text, colon + 1)
        _, value_end = decode(text, value_start)
        members.append(_Member(key, key_start, key_end, value_start, value_end))
        at = _skip_space(text, value_end)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return members


def _skip_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None  # the pattern also matches nothing
    return space.end()


def _values_or_none(place: Path, raw: bytes | None) -> dict[str, Any]:
    """Return the values of a file that may be gone or damaged; nothing then."""
    with suppress(ConfigFormatError):
        return _parse(place, b"{}" if raw is None else raw).values
    return {}


# --- what changes ----------------------------------------------------------------------


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[KeyChange, ...]:
    """Return the keys whose values differ, those of `new` first, in their order."""
    keys = [*new, *(key for key in old if key not in new)]
    pairs = ((key, old.get(key, MISSING), new.get(key, MISSING)) for key in keys)
    return tuple(KeyChange(*pair) for pair in pairs if not _same(*pair[1:]))


def _same(old: Any, new: Any) -> bool:
    if old is MISSING or new is MISSING:
        return old is new
    try:
        # As text: NaN is NaN. As values: 3 is 3.0. For Python, True is 1 as well.
        return json.dumps(old) == json.dumps(new) or bool(
            old == new and isinstance(old, bool) == isinstance(new, bool)
        )
    except RecursionError:
        return False


def _reads_as(key: str, value: Any) -> Any:
    """Return what ZeMosaic takes for a value, as far as this is one of our keys."""
    config = {} if value is MISSING else {key: value}
    return MaskParameters.from_config(config).to_config().get(key, value)


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


def _edited(parsed: _Parsed, changes: tuple[KeyChange, ...]) -> bytes:
    """Return the file's new bytes: the old text with the changes put in."""
    text = parsed.text
    last_place = {member.key: member for member in parsed.members}
    pieces = []
    added = []
    for change in changes:
        if change.old is MISSING:
            added.append(change)
        else:
            member = last_place[change.key]
            pieces.append((member.value_start, member.value_end, json.dumps(change.new)))
    if added:
        pieces.append(_addition(parsed, added))
    # From the end backwards, so that the places of the others stay right.
    for start, end, piece in sorted(pieces, reverse=True):
        text = text[:start] + piece + text[end:]
    return (codecs.BOM_UTF8 if parsed.has_bom else b"") + text.encode("utf-8")


def _addition(parsed: _Parsed, added: list[KeyChange]) -> tuple[int, int, str]:
    """Return where new members go, and their text, spaced as the file's last member is."""
    text = parsed.text
    if not parsed.members:
        line_end = "\r\n" if "\r\n" in text else "\n"
        lines = [f'{line_end}    "{key}": {json.dumps(new)}' for key, _, new in added]
        return text.index("{") + 1, text.rindex("}"), ",".join(lines) + line_end
    last = parsed.members[-1]
    space = _space_before(text, last.key_start)
    colon = text[last.key_end : last.value_start]
    piece = "".join(f',{space}"{key}"{colon}{json.dumps(new)}' for key, _, new in added)
    return last.value_end, last.value_end, piece


def _space_before(text: str, at: int) -> str:
    start = at
    while text[start - 1] in " \t\n\r":
        start -= 1
    return text[start:at]


# --- writing ---------------------------------------------------------------------------


def _swap_in(place: Path, new: bytes, old: bytes | None) -> Path | None:
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
        if _read_if_present(target) != old:
            raise _changed(place)
        os.replace(temporary, target)
    except BaseException as error:
        # Interrupts too. A temporary file that is gone was swapped in: the backup is needed then.
        if temporary is not None and temporary.exists():
            for leftover in (temporary, backup):
                if leftover is not None:
                    with suppress(OSError):
                        os.unlink(leftover)
        if isinstance(error, OSError):
            raise ConfigWriteError(place, _why_not_written(error)) from error
        raise
    _sync_folder(target.parent)
    if backup is not None:
        _remove_old_backups(target, backup)
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
        backup = _free_backup_name(target)
        os.replace(temporary, backup)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return backup


def _free_backup_name(target: Path) -> Path:
    moment = datetime.now(UTC)
    while True:
        backup = target.with_name(f"{target.name}.{moment:%Y-%m-%dT%H-%M-%S.%fZ}.bak")
        if not os.path.lexists(backup):
            return backup
        moment += timedelta(microseconds=1)


def _backup_time(target: Path, name: str) -> datetime | None:
    """Return when a backup of that name was made, None when it is not named as ours are."""
    shape = re.escape(target.name) + r"\.(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{6})Z\.bak"
    found = re.fullmatch(shape, name, re.ASCII)
    if found is not None:
        with suppress(ValueError):
            return datetime.strptime(found[1], "%Y-%m-%dT%H-%M-%S.%f").replace(tzinfo=UTC)
    return None


def _own_backup(place: Path, backup: str | PathLike[str]) -> Path:
    """Return the backup's path, checked to be one of ours of this config."""
    target = _followed(place)
    source = Path(os.path.abspath(os.path.expanduser(backup)))
    beside = _followed(source.parent) == target.parent
    if not beside or _backup_time(target, source.name) is None or source.is_symlink():
        raise ConfigError(
            source, f"is not a backup of {target.name} that was made here. Choose one of the list."
        )
    return source


def _remove_old_backups(target: Path, newest: Path) -> None:
    # The config is written; a backup too many is no reason to report a failure.
    with suppress(OSError):
        backups = sorted(
            entry
            for entry in target.parent.iterdir()
            if _backup_time(target, entry.name) is not None and entry.name != newest.name
        )
        # The newest is left out above: a clock that was set back must not cost it.
        for backup in backups[: 1 - BACKUPS_KEPT]:
            backup.unlink()


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
    what = f"cannot be written: {_reason(error)}. Nothing was changed."
    return what + advice.get(error.errno or 0, "")


def _reason(error: OSError | ValueError) -> str:
    """Return the system's words, without the path that a message has already."""
    return getattr(error, "strerror", None) or str(error)
