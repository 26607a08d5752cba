"""ZeMosaic's config as text: where each value stands in it, and how it is changed there.

Only the values that change are touched, so unknown keys, their order, the spelling of
every other value, the indentation, the line ends, a byte order mark and the last line's
end stay byte for byte (ZEMOSAIC.md §6).
"""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from napari_zecoverage.core.errors import ConfigFormatError
from napari_zecoverage.zemosaic.config_values import MISSING, KeyChange, spelled


class _Member(NamedTuple):
    """Where one member of the JSON object stands in the text."""

    key: str
    key_start: int
    key_end: int
    value_start: int
    value_end: int


class ConfigText(NamedTuple):
    """A config as it stands in its file.

    Attributes
    ----------
    text : str
        Without the byte order mark.
    has_bom : bool
        Whether the file begins with that mark.
    values : dict
        The JSON object's top level; of a key that is there twice the last.
    members : list
        Where each member stands in the text, those that are there twice, too.
    """

    text: str
    has_bom: bool
    values: dict[str, Any]
    members: list[_Member]


_SPACE = re.compile(r"[ \t\n\r]*")


def parse_config(place: Path, raw: bytes) -> ConfigText:
    """Find the values in a config's bytes, and their places.

    Parameters
    ----------
    place : Path
        For the messages.
    raw : bytes

    Returns
    -------
    ConfigText

    Raises
    ------
    ConfigFormatError
        It is not a JSON object in UTF-8.
    """
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
    return ConfigText(text, has_bom, values, members)


def edited_text(parsed: ConfigText, changes: tuple[KeyChange, ...]) -> bytes:
    """Return the file's new bytes: the old text with the changes put in, and no byte order mark."""
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
    return text.encode("utf-8")


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


def _addition(parsed: ConfigText, added: list[KeyChange]) -> tuple[int, int, str]:
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
