"""The shell: ``zecoverage`` and its commands.

What is found goes to stdout; progress, logs and errors go to stderr. Each
command has a module; this one puts them together.
"""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from napari_zecoverage import __version__
from napari_zecoverage.cli import (
    cache,
    demo,
    doctor,
    export,
    log,
    mask,
    report,
    run,
    tiles,
    window,
)
from napari_zecoverage.cli.console import asides, console_of, log_handler, say, say_error
from napari_zecoverage.cli.endings import DOCTOR_EXIT_CODES, DONE, EXIT_CODES, FAILED, INTERRUPTED
from napari_zecoverage.core.errors import reason_of

app = typer.Typer(
    name="zecoverage",
    help="Tune ZeMosaic's Alt-Az coverage thresholds: see the fringes, see what a threshold "
    "costs, export the numbers.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Its tables cut long option names off.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; the entry point ``zecoverage``."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # A terminal that lacks a letter shows "?", and a file name may be no text at all.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except KeyboardInterrupt:
        say_error("stopped")
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.filename is not None:
            say_error(f"{error.filename}: {reason_of(error)}")
        else:
            # What is done is done: only the words about it found no place.
            say_error(f"the words cannot be written ({reason_of(error)})")
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001 - the user sees a line, not a traceback
        say_error(
            f"unexpected {type(error).__name__}: {error}. This is a fault of the program; "
            "zecoverage -vv shows where."
        )
        sys.exit(FAILED)


@app.callback(epilog=EXIT_CODES)
def program(
    context: typer.Context,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            help="Log what is done to stderr; twice for ZeMosaic's own tags and each footprint.",
        ),
    ] = 0,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Tune ZeMosaic's Alt-Az coverage thresholds.

    See the fringes, see what a threshold costs, export the numbers.
    """
    # The streams may be others than at an earlier call in this process.
    console_of.cache_clear()
    logger = logging.getLogger("napari_zecoverage")
    handler = log_handler(asides())
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])

    def put_back() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    context.call_on_close(put_back)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"zecoverage {__version__}")
        raise typer.Exit(DONE)


for command, exit_codes in (
    (mask.mask, EXIT_CODES),
    (run.run, EXIT_CODES),
    (report.report, EXIT_CODES),
    (tiles.tiles, EXIT_CODES),
    (window.tune, EXIT_CODES),
    (demo.demo, EXIT_CODES),
    (export.export, EXIT_CODES),
    (doctor.doctor, DOCTOR_EXIT_CODES),
    (log.log, EXIT_CODES),
    (cache.cache, EXIT_CODES),
):
    app.command(epilog=exit_codes)(command)
