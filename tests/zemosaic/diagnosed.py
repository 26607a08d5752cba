"""Stand-ins of a ZeMosaic, and what must be true of every diagnosis."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from napari_zecoverage.zemosaic.diagnosis import Diagnosis, diagnose_zemosaic
from napari_zecoverage.zemosaic.installation import Interpreter

STANDINS = Path(__file__).parent / "standins"
OURS = Interpreter(sys.executable, "ours")


def standin(name: str) -> str:
    return (STANDINS / f"{name}.py").read_text(encoding="utf-8")


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the time of everything in a folder, the folder's own too."""
    return {
        str(each.relative_to(folder)): (
            each.read_bytes() if each.is_file() else b"",
            each.stat().st_mtime_ns,
        )
        for each in (folder, *folder.rglob("*"))
    }


def diagnose(folder: Path, **options: Any) -> Diagnosis:
    """Diagnose, and hold what must be true whatever the ZeMosaic does."""
    before = contents(folder)
    found = diagnose_zemosaic(folder, **options)
    assert contents(folder) == before
    check_report(found)
    return found


def check_report(found: Diagnosis) -> None:
    assert all(line.isprintable() and len(line) < 1500 for line in found.lines())
    assert found.exit_code == {True: 0, False: 3, None: 4}[found.acts]
    checks = [each.check for each in found.findings]
    assert len(checks) == len(set(checks))


def text_of(found: Diagnosis, check: str) -> str:
    return next(each.text for each in found.findings if each.check == check)
