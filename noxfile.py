"""Set-up and checks, in one place: ``nox -s demo``, ``tests``, ``lint``, ``bench``.

Each session makes its own environment and installs the package into it. On a
Debian or Ubuntu without a screen the sessions that open a window first install
what Qt and Xvfb need from the system.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import sys

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "tests"]
# A second run of a session takes seconds: pip finds everything in place.
nox.options.reuse_venv = "yes"

PYPROJECT = nox.project.load_toml("pyproject.toml")

# PyQt6, because PySide6 6.12 aborts on Python 3.11.
QT = "pyqt6"

QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libbrotlidec.so.1": "libbrotli1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""What Qt's window plugin and napari's canvas load, and the Debian packages that bring it."""

XVFB_PROGRAMS = {"Xvfb": "xvfb", "xvfb-run": "xvfb", "xauth": "xauth"}
"""The programs of a screen in memory, and the Debian packages that bring them."""


def has_screen() -> bool:
    """Tell whether a window can be shown to somebody."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def missing_system_packages() -> list[str]:
    """Return the Debian packages that a window needs and this machine lacks, sorted."""
    if sys.platform != "linux":
        return []
    missing = {package for name, package in QT_LIBRARIES.items() if not _loads(name)}
    if not has_screen():
        missing |= {pkg for name, pkg in XVFB_PROGRAMS.items() if shutil.which(name) is None}
    if "xvfb" in missing or "libgl1" in missing:
        # Draws OpenGL without a graphics card.
        missing.add("libgl1-mesa-dri")
    return sorted(missing)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def provide_system_packages(session: nox.Session) -> None:
    """Install what a window needs from the system, or say exactly what to install."""
    packages = missing_system_packages()
    if not packages:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        session.warn(
            "Qt needs system libraries that were not found. They are in your distribution's "
            f"counterparts of these Debian packages: {' '.join(packages)}"
        )
    elif os.geteuid() != 0:
        session.error(
            "Qt needs system packages that are missing. Install them, then run this again:\n"
            f"    sudo apt-get update && sudo {shlex.join(install)}"
        )
    else:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        session.run("apt-get", "update", env=quiet, external=True)
        session.run(*install, env=quiet, external=True)


def install_with_qt(session: nox.Session, *groups: str, qt: str = QT) -> None:
    """Install the package, a Qt binding and the named dependency groups."""
    # Resolved here and not by pip's --group, which older versions of pip lack.
    extra = nox.project.dependency_groups(PYPROJECT, *groups) if groups else ()
    session.install("-e", ".", f"napari[{qt}]", *extra)


def run_tests(session: nox.Session, qt: str) -> None:
    """Run the tests with the Qt binding `qt`; arguments after ``--`` go to pytest."""
    provide_system_packages(session)
    install_with_qt(session, "test", qt=qt)
    env = {"QT_API": qt, "PYTEST_QT_API": qt, "NAPARI_ASYNC": "0"}
    session.run("python", "-m", "pytest", *session.posargs, env=env)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests. Arguments after ``--`` go to pytest."""
    run_tests(session, QT)


@nox.session
def tests_pyside6(session: nox.Session) -> None:
    """Run the tests with PySide6 in place of PyQt6 (needs Python 3.12 or later)."""
    run_tests(session, "pyside6")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and metadata; changes nothing."""
    session.install("-e", ".", *nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("validate-pyproject", "pyproject.toml")
    session.run("npe2", "validate", PYPROJECT["project"]["name"])


@nox.session
def demo(session: nox.Session) -> None:
    """Study the built-in sample and show it; without a screen, write what would be seen."""
    provide_system_packages(session)
    install_with_qt(session)
    command = ["zecoverage", "demo", "--out", "demo", "--force"]
    env = {"QT_API": QT}
    if has_screen():
        session.run(*command, *session.posargs, env=env)
    else:
        # -a: any free display number, so that two demos do not meet.
        screen = ["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24"]
        command = [*screen, *command, "--screenshot-and-quit"]
        session.run(*command, *session.posargs, env=env, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Print how fast and how small it is, as ratios against the plain way."""
    session.install("-e", ".")
    session.run("python", "benchmarks/bench.py", *session.posargs)
