"""The versions of what a result was made with."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def versions_of(names: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of installed distributions.

    None for what is not installed, or is the same library under another name, as from conda.
    """
    return {name: _version(name) for name in names}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
