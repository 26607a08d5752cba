"""Which ZeMosaic, and which Python."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from diagnosed import check_report, diagnose, text_of

from napari_zecoverage.zemosaic.diagnosis import diagnose_zemosaic


def test_no_zemosaic(tmp_path: Path) -> None:
    # For the last the system has an error, not just a no.
    for folder in (tmp_path, tmp_path / "nowhere\x1b[2J", tmp_path / ("n" * 300)):
        found = diagnose_zemosaic(folder)
        check_report(found)
        assert found.acts is None
        assert "There is no ZeMosaic" in text_of(found, "version")


@pytest.mark.parametrize(
    ("version", "acts"), [("4.5.0", False), ("4.5", False), ("4.50", None), ("5.0.1", None)]
)
@pytest.mark.parametrize("inside", ["", "_internal"])
def test_packaged_is_judged_by_its_version(
    tmp_path: Path, version: str, acts: bool | None, inside: str
) -> None:
    (tmp_path / inside).mkdir(exist_ok=True)
    text = f"ZeMosaic {version}\nInstaller build\n"
    (tmp_path / inside / "version.txt").write_text(text, encoding="utf-8")
    found = diagnose(tmp_path)
    assert found.acts is acts
    assert found.version == version
    assert found.interpreter is None
    assert "ot run" in text_of(found, "alignment")


def test_packaged_without_a_version(tmp_path: Path) -> None:
    (tmp_path / "ZeMosaic.exe").write_bytes(b"MZ")
    found = diagnose(tmp_path)
    assert found.acts is None
    assert found.result_of("version") == "unknown"


def test_sources_in_a_folder_below_and_config_named(make_zemosaic: Callable[..., Path]) -> None:
    folder = make_zemosaic(lecropper="1 / 0\n", zemosaic_align_stack="1 / 0\n")
    below = folder.rename(folder.with_name("zemosaic"))
    for named in (below.parent, below / "zemosaic_config.json"):
        found = diagnose_zemosaic(named)
        assert found.version == "4.9.1"
        assert "ZeroDivisionError" in text_of(found, "lecropper")


def test_named_python_is_missing(make_zemosaic: Callable[..., Path], tmp_path: Path) -> None:
    found = diagnose(make_zemosaic(), python=tmp_path / "no" / "python")
    assert found.acts is None
    assert found.result_of("interpreter") == "missing"


def test_named_python_is_none(make_zemosaic: Callable[..., Path], tmp_path: Path) -> None:
    fake = tmp_path / ("python.exe" if sys.platform == "win32" else "python")
    fake.write_bytes(b"\x7fnot a program")
    fake.chmod(0o755)
    found = diagnose(make_zemosaic(), python=fake)
    assert found.acts is None
    assert "cannot be started" in text_of(found, "alignment")


@pytest.mark.parametrize("name", [".venv", "venv", "env"])
def test_its_own_python(tmp_path: Path, name: str) -> None:
    (tmp_path / "lecropper.py").touch()
    inside = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    own = tmp_path / name / inside
    own.parent.mkdir(parents=True)
    own.write_bytes(b"\x7fnot a program")
    own.chmod(0o755)
    found = diagnose(tmp_path)
    assert found.result_of("interpreter") == "its own"
    assert found.interpreter == str(own)
    environment = diagnose(tmp_path, python=tmp_path / name)
    assert environment.result_of("interpreter") == "named"
    assert environment.interpreter == str(own)
