"""The house: which room may import which, and that the core needs no window."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import napari_zecoverage

PACKAGE = "napari_zecoverage"
ROOT = Path(napari_zecoverage.__file__).parent

# Rooms of one line stand beside each other. A room imports its own line and those above.
CORE_READING_ORDER = (
    ("errors", "paths", "plain_json", "plural"),
    ("placing",),
    ("parameters",),
    ("opening",),
    ("fits_headers",),
    ("header_words", "celestial"),
    ("stored_picture", "frame_pixels"),
    ("frames", "star_picture"),
    ("frame_search",),
    ("clusters",),
    ("found_clusters",),
    ("registration",),
    ("coverage",),
    ("combining",),
    ("stacking",),
    ("ramp",),
    ("alpha",),
    ("fallback_masks",),
    ("mask_choice",),
    ("crop",),
    ("quality_crop",),
    ("studied",),
    ("frame_shares",),
    ("places",),
    ("sky_samples",),
    ("sky_pieces", "smooth_sky", "pixel_noise"),
    ("sky_steps", "raw_steps", "sure_steps", "fringe_map"),
    ("fringe",),
    ("cache",),
    ("study",),
    ("read_thresholds", "tile_crops"),
    ("outcome",),
    ("levels", "ranks", "cuts", "parts"),
    ("mask_pictures",),
    ("shown_regions", "rim_distance", "judged_json"),
    ("all_masks",),
    ("judged",),
    ("curves",),
    ("landscape",),
    ("best_setting",),
    ("advice_words",),
    ("advice",),
)
RANK = {name: rank for rank, line in enumerate(CORE_READING_ORDER) for name in line}

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common"}

# Runs in a fresh process: imports all of the package outside ui while anything of a window
# is missing, and prints the names of the modules.
IMPORT_WITHOUT_WINDOW = """
import importlib, pkgutil, sys

MISSING = {
    "PyQt5", "PyQt6", "PySide2", "PySide6", "qtpy", "superqt", "magicgui", "vispy", "napari",
}

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r} (hidden by this test)", name=name)

sys.meta_path.insert(0, Missing())

def walk(name):
    module = importlib.import_module(name)
    print(name)
    for each in pkgutil.iter_modules(getattr(module, "__path__", ()), name + "."):
        if each.name != "napari_zecoverage.ui" and not each.name.endswith("__main__"):
            walk(each.name)

walk("napari_zecoverage")
"""


def module_name(path: Path) -> str:
    parts = (PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(source: str, package: str) -> Iterator[str]:
    """Give every module that `source`, a module of `package`, imports when it runs."""
    yield from _imports(ast.parse(source), package)


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parent = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*(parent if node.level else []), *([node.module] if node.module else [])])
        # "from package import name" may name a module; longer than it is does no harm.
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for child in node.orelse:
            yield from _imports(child, package)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _imports(child, package)


def sources(room: str) -> list[Path]:
    found = sorted((ROOT / room).rglob("*.py"))
    assert found, f"no module in {room}"
    return found


def imports_of(path: Path) -> set[str]:
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return set(imported_modules(path.read_text(encoding="utf-8"), package))


def within(imported: str, module: str) -> bool:
    return imported == module or imported.startswith(module + ".")


def core_room(name: str) -> str:
    """Return the room of a module of core: ``frames`` for ``….core.frames.FrameInfo``."""
    return name.removeprefix(f"{PACKAGE}.core.").partition(".")[0]


def test_imports_without_qt_and_napari() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_WITHOUT_WINDOW],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    expected = {module_name(path) for room in ("core", "zemosaic") for path in sources(room)}
    assert {PACKAGE} | expected <= imported


@pytest.mark.parametrize("binding", ["PyQt6", "PySide6", "qtpy", "superqt", "magicgui", "napari"])
def test_hidden_modules_are_really_hidden(binding: str) -> None:
    hide = IMPORT_WITHOUT_WINDOW.partition("def walk")[0]
    done = subprocess.run(
        [sys.executable, "-c", f"{hide}\nimport {binding}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "hidden by this test" in done.stderr


def test_core_opens_without_what_is_dear_to_import() -> None:
    # The window opens with the core; what takes long comes when a function needs it.
    rooms = "\n".join(f"import {module_name(path)}" for path in sources("core"))
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{rooms}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.split())
    assert f"{PACKAGE}.core.study" in imported
    assert imported.isdisjoint({"astropy", "dask", "matplotlib", "scipy"})


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [("core", "zemosaic"), ("core", "ui"), ("zemosaic", "ui")],
)
def test_room_does_not_import(room: str, forbidden: str) -> None:
    bad = [
        f"{module_name(path)} imports {name}"
        for path in sources(room)
        for name in sorted(imports_of(path))
        if within(name, f"{PACKAGE}.{forbidden}")
    ]
    assert not bad


def test_core_imports_no_public_name_from_the_top() -> None:
    # What __init__ offers comes from all rooms: taking it from there hides the order.
    allowed = (f"{PACKAGE}.core", f"{PACKAGE}.__version__")
    bad = [
        f"{module_name(path)} imports {name}"
        for path in sources("core")
        for name in sorted(imports_of(path))
        if within(name, PACKAGE) and not any(within(name, each) for each in allowed)
    ]
    assert not bad


def test_every_core_room_has_its_place() -> None:
    rooms = {core_room(module_name(path)) for path in sources("core")} - {PACKAGE}
    assert rooms <= RANK.keys(), "give the new rooms their place in CORE_READING_ORDER"


def test_core_imports_only_rooms_above() -> None:
    bad = []
    for path in sources("core"):
        name = module_name(path)
        if name == f"{PACKAGE}.core":
            continue
        bad += [
            f"{name} imports {imported}, which stands below it"
            for imported in sorted(imports_of(path))
            if within(imported, f"{PACKAGE}.core")
            and RANK.get(core_room(imported), -1) > RANK[core_room(name)]
        ]
    assert not bad


def defined_in(path: Path) -> set[str]:
    """Return the names that a module has and does not take from elsewhere."""
    made, used, taken = set(), set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            taken |= {alias.asname or alias.name for alias in node.names}
    return made | used - taken


def taken_from_rooms(path: Path) -> Iterator[tuple[str, str]]:
    """Give module and name of all that a file takes from this package, also only for types."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and within(node.module, PACKAGE):
            yield from ((node.module, alias.name) for alias in node.names)


def test_names_are_taken_from_their_own_home() -> None:
    # Only a package may hand on what its rooms make.
    rooms = {
        module_name(path): defined_in(path)
        for path in ROOT.rglob("*.py")
        if path.name != "__init__.py"
    }
    files = [*ROOT.rglob("*.py"), *Path(__file__).parent.rglob("*.py")]
    bad = {
        f"{path.name} takes {name} from {module}, which has it from elsewhere"
        for path in files
        for module, name in taken_from_rooms(path)
        if module in rooms and name not in rooms[module]
    }
    assert not sorted(bad)


def test_no_room_is_a_box_for_odds_and_ends() -> None:
    names = {part for path in ROOT.rglob("*.py") for part in module_name(path).split(".")}
    assert not names & FORBIDDEN_NAMES


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b", {"a.b"}),
        ("from a.b import c, d", {"a.b.c", "a.b.d"}),
        ("from . import c", {"p.q.c"}),
        ("from .c import d", {"p.q.c.d"}),
        ("from ..c import d", {"p.c.d"}),
        ("def f():\n    import a", {"a"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("import typing\nif typing.TYPE_CHECKING:\n    import a", {"typing"}),
    ],
)
def test_imports_are_found(source: str, expected: set[str]) -> None:
    assert set(imported_modules(source, "p.q")) == expected
