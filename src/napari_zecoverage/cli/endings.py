"""How a command ends: its exit code, and a line in place of a traceback."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import typer

from napari_zecoverage.cli.console import say_error
from napari_zecoverage.core.errors import InTheWayError, ZecoverageError

DONE: Final = 0
"""Exit code: all was done."""

FAILED: Final = 1
"""Exit code: something could not be done; a line on stderr says what."""

WRONG_USAGE: Final = 2
"""Exit code: the command line makes no sense."""

THRESHOLDS_ACT: Final = 0
"""Exit code of ``zecoverage doctor``: exported thresholds act."""

THRESHOLDS_CANNOT_ACT: Final = 3
"""Exit code of ``zecoverage doctor``: exported thresholds cannot act."""

NOT_CHECKED: Final = 4
"""Exit code of ``zecoverage doctor``: whether thresholds act could not be checked."""

INTERRUPTED: Final = 130
"""Exit code: stopped by Ctrl-C; nothing is left half written."""

EXIT_CODES: Final = (
    f"Exit codes: {DONE} done; {FAILED} something could not be done, and a line that begins with "
    f'"error:" says what; {WRONG_USAGE} wrong usage; {INTERRUPTED} stopped by Ctrl-C.'
)

DOCTOR_EXIT_CODES: Final = (
    f"Exit codes: {THRESHOLDS_ACT} exported thresholds act; {THRESHOLDS_CANNOT_ACT} they cannot; "
    f"{NOT_CHECKED} could not be checked; {FAILED} something went wrong, and a line that begins "
    f'with "error:" says what; {WRONG_USAGE} wrong usage; {INTERRUPTED} stopped by Ctrl-C.'
)

log = logging.getLogger(__name__)

Command = TypeVar("Command", bound=Callable[..., None])


def reports_errors(command: Command) -> Command:
    """End a command with a line and an exit code, not with a traceback."""

    @functools.wraps(command)
    def checked(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            say_error("stopped; nothing is left half written")
            raise typer.Exit(INTERRUPTED) from None
        except (ZecoverageError, MemoryError) as error:
            log.debug("the reason", exc_info=error)
            say_error(_words(error))
            raise typer.Exit(FAILED) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            # Here, since the log has ended when `main` tells of it.
            log.debug("unexpected error", exc_info=error)
            raise

    return checked  # type: ignore[return-value]


def _words(error: ZecoverageError | MemoryError) -> str:
    words = str(error) or "there is not enough memory"
    return f"{words} That is what --force does." if isinstance(error, InTheWayError) else words


@dataclass
class Trouble:
    """Collects what went wrong while the rest goes on."""

    count: int = 0

    @contextmanager
    def caught(self, what: str) -> Iterator[None]:
        """Say an expected error in a line that begins with `what`, and go on."""
        try:
            yield
        except (ZecoverageError, MemoryError) as error:
            self.count += 1
            log.debug("%s: the reason", what, exc_info=error)
            say_error(f"{what}: {_words(error)}")

    def end(self) -> None:
        """End the command with the exit code that fits."""
        if self.count:
            raise typer.Exit(FAILED)
