"""Whether a ZeMosaic is open: it would write its old settings back over an export."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Final

import psutil  # type: ignore[import-untyped]

_NAME: Final = "zemosaic"
_INTERPRETERS: Final = ("python", "pypy")
_OPTIONS_WITH_VALUE: Final = ("-X", "-W", "--check-hash-based-pycs")
_COMMAND_SHOWN: Final = 200  # characters


@dataclass(frozen=True)
class RunningProcess:
    """A process that runs ZeMosaic.

    Attributes
    ----------
    pid : int
    name : str
        The program's, as the system shows it.
    command : str
        Its command line, shortened; empty when the system does not tell.
    """

    pid: int
    name: str
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command or self.name})"


def find_running_zemosaic() -> tuple[RunningProcess, ...]:
    """Return the processes that run ZeMosaic, by their programs' names, sorted by id.

    A program that only has a file of ZeMosaic open (an editor, this one) is none
    of them, nor is what this process started itself. A ZeMosaic under another name,
    or of another user on a system that hides these, is not found: an empty answer
    is no proof.
    """
    # Looked at one by one: processes come and go meanwhile, psutil skips those.
    seen = [each.info for each in psutil.process_iter(["pid", "ppid", "name", "cmdline"])]
    parents = {info["pid"]: info["ppid"] for info in seen}
    found = [
        RunningProcess(
            info["pid"],
            info["name"] or "",
            " ".join(info["cmdline"] or ())[:_COMMAND_SHOWN],
        )
        for info in seen
        if runs_zemosaic(info["name"] or "", info["cmdline"] or ())
        and not _is_ours(info["pid"], parents)
    ]
    return tuple(sorted(found, key=lambda process: process.pid))


def runs_zemosaic(name: str, command: Sequence[str]) -> bool:
    """Tell from a process's name and command line whether it runs ZeMosaic.

    Parameters
    ----------
    name : str
        The program's name as the system shows it; used when `command` is empty.
    command : sequence of str
        Program and arguments.

    Returns
    -------
    bool
        Whether the program, or the script or module that a Python runs, is named
        after ZeMosaic. Other arguments do not count.
    """
    if not command:
        return _NAME in name.lower()
    program = _last_part(command[0])
    if program.startswith(_INTERPRETERS):
        return _NAME in _script(command[1:])
    return _NAME in program


def _script(arguments: Sequence[str]) -> str:
    """Return the name of what a Python with these arguments runs, empty for code or a prompt."""
    at = 0
    while at < len(arguments):
        argument = arguments[at]
        if argument == "-c":
            return ""
        if argument == "-m":
            return "".join(arguments[at + 1 : at + 2]).lower()
        if not argument.startswith("-"):
            name = _last_part(argument)
            # A package that is run by its path is named by its folder.
            return _last_part(argument[: -len(name)]) if name == "__main__.py" else name
        at += 2 if argument in _OPTIONS_WITH_VALUE else 1
    return ""


def _last_part(path: str) -> str:
    # Windows's rules take both kinds of slashes.
    return PureWindowsPath(path).name.lower()


def _is_ours(pid: int, parents: Mapping[int, int | None]) -> bool:
    """Whether this process, or one that it started, has that id."""
    own, seen = os.getpid(), set()
    at: int | None = pid
    while at is not None and at not in seen:
        if at == own:
            return True
        seen.add(at)
        at = parents.get(at)
    return False
