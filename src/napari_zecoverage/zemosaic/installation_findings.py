"""What a ZeMosaic's own files tell, before and after anything of it is run."""

from __future__ import annotations

import os
import re

from napari_zecoverage.core.errors import ConfigError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.bounded_run import Run
from napari_zecoverage.zemosaic.config import CONFIG_NAME, read_config
from napari_zecoverage.zemosaic.config_writing import ALWAYS_WRITTEN
from napari_zecoverage.zemosaic.findings import Finding
from napari_zecoverage.zemosaic.installation import Installation, Interpreter
from napari_zecoverage.zemosaic.printable import printable


def version_finding(place: Installation) -> Finding:
    """Say which ZeMosaic it is, and where."""
    where = printable(str(place.sources or place.packaged or place.folder), 400)
    kind = "from sources" if place.sources else "packaged, without sources"
    if place.version is None:
        text = f"ZeMosaic of unknown version ({kind}) in {where}."
        return Finding("version", "unknown", None, text)
    text = f"ZeMosaic {place.version} ({kind}) in {where}."
    return Finding("version", place.version, True, text)


def config_finding(place: Installation) -> Finding:
    """Say whether its config can be read and written, and has the thresholds."""
    beside = place.sources or place.packaged or place.folder
    candidates = [each / CONFIG_NAME for each in (beside, place.folder)]
    path = next((each for each in candidates if os.path.isfile(each)), candidates[0])
    shown = printable(str(path), 400)
    if not os.path.exists(path):
        text = f"No config yet: {shown} is missing. ZeMosaic writes it when it is closed."
        return Finding("config", "missing", None, text)
    try:
        config = read_config(path)
    except ConfigError as error:
        return Finding("config", "unreadable", False, f"Config: {printable(str(error), 600)}")
    present = [key for key in ALWAYS_WRITTEN if key in config]
    has = f"has {len(present)} of the three thresholds" if present else "has no threshold yet"
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        text = f"Config {shown} is readable and can be written; it {has}."
        return Finding("config", "writable", True, text)
    text = f"Config {shown} is readable, but cannot be written by you; it {has}."
    return Finding("config", "read-only", False, text)


def keys_finding(place: Installation) -> Finding:
    """Look in the worker's text for the keys; it is not imported (ZEMOSAIC.md §7)."""
    if not place.worker:
        text = "Its zemosaic_worker.py cannot be read: which keys it knows was not checked."
        return Finding("keys", "not-checked", None, text)
    words = set(re.findall(r"\baltaz_\w+", place.worker, re.ASCII))
    keys = MaskParameters().to_config()
    unknown = [key for key in keys if key not in words]
    if any(key in unknown for key in ALWAYS_WRITTEN):
        text = (
            f"It does not know {', '.join(key for key in ALWAYS_WRITTEN if key in unknown)}: "
            "whatever the config says there, it is not read."
        )
        return Finding("keys", "thresholds-unknown", False, text)
    if unknown:
        text = f"It knows the three thresholds, but not {', '.join(unknown)}."
        return Finding("keys", "some-unknown", True, text)
    return Finding("keys", "known", True, f"It knows all {len(keys)} keys that are exported.")


def interpreter_finding(chosen: Interpreter) -> Finding:
    """Say which Python it is run by."""
    whose = {
        "named": "the Python that was named",
        "its own": "the folder's own Python",
        "ours": "our own Python, as the folder has none and none was named",
    }[chosen.whose]
    text = f"Run by {whose}: {printable(chosen.path, 400)}."
    return Finding("interpreter", chosen.whose, None if chosen.whose == "ours" else True, text)


def folder_findings(
    runs: tuple[Run, ...], before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> list[Finding]:
    """Say whether the runs left its folder as it was; `before` and `after` are by `listing`."""
    changed = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    if changed:
        names = ", ".join(printable(name, 60) for name in changed[:5])
        text = (
            f"Files in ZeMosaic's folder changed while it was checked: {names}. Either ZeMosaic "
            "is running, or its modules do that when they are loaded."
        )
        return [Finding("folder", "changed", None, text)]
    refused = [
        printable(each, 100)
        for run in runs
        if isinstance(run.answer.get("refused"), list)
        for each in run.answer["refused"][:5]
        if isinstance(each, str)
    ]
    if refused:
        names = ", ".join(dict.fromkeys(refused))
        text = f"ZeMosaic's folder is unchanged; refused was writing to {names}."
        return [Finding("folder", "refused", True, text)]
    return [Finding("folder", "unchanged", True, "ZeMosaic's folder is unchanged.")]
