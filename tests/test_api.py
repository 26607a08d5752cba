"""The public names: all there, and free of charge until they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import napari_zecoverage

PROMISED = (
    "find_clusters",
    "Cluster",
    "StudyOptions",
    "study_cluster",
    "ClusterStudy",
    "MaskParameters",
    "AlphaParameters",
    "mask_tile",
    "apply_mask",
    "MaskOutcome",
    "alpha_from_coverage",
    "quality_crop",
    "read_config",
    "write_config",
    "StudyCache",
    "read_study",
    "write_study",
    "reduce_footprint",
    "ZecoverageError",
)
"""Names that scripts may rely on."""

HEAVY = ("numpy", "cv2", "scipy", "astropy", "astroalign", "napari", "qtpy", "typer", "rich")


@pytest.mark.parametrize("name", PROMISED)
def test_promised_name_is_public(name: str) -> None:
    assert name in napari_zecoverage.__all__


@pytest.mark.parametrize("name", napari_zecoverage.__all__)
def test_public_name_can_be_fetched(name: str) -> None:
    assert getattr(napari_zecoverage, name) is not None
    assert name in dir(napari_zecoverage)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'find_clustres'"):
        _ = napari_zecoverage.find_clustres  # type: ignore[attr-defined]


def test_star_import_gives_all_names() -> None:
    names: dict[str, object] = {}
    exec("from napari_zecoverage import *", names)
    assert set(napari_zecoverage.__all__) <= names.keys()


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, napari_zecoverage\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
        "print([name for name in sys.modules if name.startswith('napari_zecoverage.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]


def test_help_is_light() -> None:
    code = (
        "import sys\nfrom napari_zecoverage import cli\n"
        "print([name for name in ('cv2', 'scipy', 'astropy', 'napari') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_types_and_rooms_agree() -> None:
    """What type checkers see is what is fetched: the same names from the same rooms."""
    source = Path(napari_zecoverage.__file__).read_text(encoding="utf-8")
    seen: dict[str, str] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("napari_zecoverage"):
            room = (node.module or "").removeprefix("napari_zecoverage.")
            seen |= {alias.name: room for alias in node.names}
    assert seen == napari_zecoverage._ROOM_OF
    assert sorted(seen) == [name for name in napari_zecoverage.__all__ if name != "__version__"]
