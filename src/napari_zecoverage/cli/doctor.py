"""``zecoverage doctor``: whether exported thresholds can act in the user's ZeMosaic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_zecoverage.cli.console import say, say_aside
from napari_zecoverage.cli.endings import reports_errors


@reports_errors
def doctor(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="ZeMosaic's folder: the one with lecropper.py and zemosaic_worker.py, or the "
            "packaged program's.",
            show_default=False,
        ),
    ],
    python: Annotated[
        str | None,
        typer.Option(
            metavar="EXE",
            help="The Python that runs this ZeMosaic: a file, a command, or an environment's "
            "folder. By default that of the folder's own environment, else the one that runs "
            "zecoverage.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Stop each of the two runs after that.")
    ] = 120.0,
) -> None:
    """Check on small made-up frames whether thresholds act in your ZeMosaic.

    Its alignment and its lecropper are run in processes of their own; its
    window, its config and its folder are not touched.
    """
    from napari_zecoverage.zemosaic.diagnosis import diagnose_zemosaic

    say_aside("running this ZeMosaic's lecropper and alignment on made-up frames…")
    diagnosis = diagnose_zemosaic(folder, python=python, timeout_s=timeout)
    say("\n".join(diagnosis.lines()))
    raise typer.Exit(diagnosis.exit_code)
