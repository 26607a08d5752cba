"""ZeMosaic's config, read as ZeMosaic reads it (ZEMOSAIC.md §6)."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

from napari_zecoverage.core.errors import (
    ConfigChangedError,
    ConfigError,
    ConfigFormatError,
    ConfigNotFoundError,
    reason_of,
)
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.zemosaic.config_text import parse_config
from napari_zecoverage.zemosaic.config_values import KeyChange, differences

CONFIG_NAME: Final = "zemosaic_config.json"
"""What ZeMosaic calls its config; it stands beside ``zemosaic_config.py``."""

CLOSE_ZEMOSAIC_FIRST: Final = (
    "Close ZeMosaic's window before exporting: while it is open it keeps its own copy of the "
    "settings, and it writes the old values back when a run starts and when it is closed."
)
"""What a user must know before an export (ZEMOSAIC.md §6)."""

MAX_BYTES: Final = 8 * 1024 * 1024
"""A larger file is not a config of ZeMosaic, whose own has some ten thousand bytes."""


_HAS_BOM: Final = (
    "The file begins with a byte order mark (an editor put it there): ZeMosaic cannot read it and "
    "takes its defaults for everything. Exporting takes the mark out."
)


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
    place = place_of(path)
    raw = _read_bytes(place)
    parsed = parse_config(place, raw)
    parameters = MaskParameters.from_config(parsed.values)
    if parsed.has_bom:
        parameters = replace(parameters, notes=(_HAS_BOM, *parameters.notes))
    return ConfigFile(place, _digest(raw), parameters, parsed.values)


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
    return differences(config, parse_config(config.path, raw).values)


def check_unchanged(place: Path, raw: bytes | None, expected: ConfigFile | str | None) -> None:
    """Raise `ConfigChangedError` when a file's bytes are others than were expected."""
    if expected is None:
        return
    digest = expected if isinstance(expected, str) else expected.digest
    if raw is None or _digest(raw) != digest:
        raise config_changed(place)


def place_of(path: str | PathLike[str]) -> Path:
    """Return the config that is meant, absolute: of a folder the one in it."""
    place = absolute(path)
    return place / CONFIG_NAME if os.path.isdir(place) else place


def followed(place: Path) -> Path:
    """Return where a path leads, links followed."""
    try:
        return Path(os.path.realpath(place))
    except ValueError as error:
        raise ConfigError(place, f"is no path: {error}.") from error


def config_not_found(place: Path) -> ConfigNotFoundError:
    """Return the error for a config that is not there."""
    return ConfigNotFoundError(
        place,
        f"there is no such file. Name ZeMosaic's own {CONFIG_NAME} (it stands beside "
        "zemosaic_config.py), or the folder that holds it.",
    )


def config_changed(place: Path) -> ConfigChangedError:
    """Return the error for a config that is not what it was when it was read."""
    return ConfigChangedError(
        place,
        "the file changed on disk since it was read. Nothing was written; read it again, look at "
        "the differences and export once more.",
    )


def _read_bytes(place: Path) -> bytes:
    raw = read_if_present(place)
    if raw is None:
        raise config_not_found(place)
    return raw


def read_if_present(place: Path) -> bytes | None:
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
        raise ConfigError(place, f"cannot be read: {reason_of(error)}.") from error
    if len(raw) > MAX_BYTES:
        raise ConfigFormatError(
            place,
            f"has more than {MAX_BYTES // 1024**2} MB; ZeMosaic's config is far smaller. "
            f"Name ZeMosaic's {CONFIG_NAME}.",
        )
    return raw


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
