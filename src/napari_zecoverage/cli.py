"""The shell: ``zecoverage mask``, ``tune``, ``demo``, ``export``, ``cache``.

What is found goes to stdout; progress, logs and errors go to stderr.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import json
import logging
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import Field, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_args, get_type_hints

import typer
from rich.console import Console
from rich.highlighter import NullHighlighter
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from napari_zecoverage import __version__
from napari_zecoverage.core.errors import ParameterError, StudyError, ZecoverageError
from napari_zecoverage.core.parameters import CONFIG_PREFIX, Limits, MaskParameters, StudyOptions

# Everything heavier is imported where it is used: --help must not wait for it.
if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.outcome import MaskOutcome
    from napari_zecoverage.core.studied import ClusterStudy, StudyProgress
    from napari_zecoverage.outputs import Results
    from napari_zecoverage.zemosaic.config import ConfigChange

DONE: Final = 0
"""Exit code: all was done."""

FAILED: Final = 1
"""Exit code: something could not be done; a line on stderr says what."""

WRONG_USAGE: Final = 2
"""Exit code: the command line makes no sense."""

INTERRUPTED: Final = 130
"""Exit code: stopped by Ctrl-C; nothing is left half written."""

_EXIT_CODES: Final = (
    f"Exit codes: {DONE} done; {FAILED} something could not be done, and a line that begins with "
    f'"error:" says what; {WRONG_USAGE} wrong usage; {INTERRUPTED} stopped by Ctrl-C.'
)

log = logging.getLogger(__name__)

Command = TypeVar("Command", bound=Callable[..., None])

app = typer.Typer(
    name="zecoverage",
    help="Tune ZeMosaic's Alt-Az coverage thresholds: see the fringes, see what a threshold "
    "costs, export the numbers.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Its tables cut long option names off.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; the entry point ``zecoverage``."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a letter shows "?", and a file name may be no text at all.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except KeyboardInterrupt:
        _say_error("stopped")
        sys.exit(INTERRUPTED)
    except Exception as error:
        log.debug("unexpected error", exc_info=error)
        _say_error(
            f"unexpected {type(error).__name__}: {error}. This is a fault of the program; "
            "zecoverage -vv shows where."
        )
        sys.exit(FAILED)


# --- words to the user ---------------------------------------------------------------------


def _out() -> Console:
    """Return the console of results. File names are not markup, and are not cut."""
    return _console(stderr=False)


def _err() -> Console:
    return _console(stderr=True)


@functools.cache
def _console(stderr: bool) -> Console:
    """Return the one console of a stream: logs then go above the progress bars, not into them."""
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # Nothing is to be broken into lines in a file or a pipe.
        console.width = 10_000
    return console


def _plain(text: str) -> str:
    """Keep what a file name may hold from steering the terminal."""
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)


def _say(text: str) -> None:
    _out().print(_plain(text))


def _say_aside(text: str) -> None:
    _err().print(_plain(text))


def _say_error(text: str) -> None:
    _err().print(Text.assemble(("error:", "bold red"), " ", _plain(text)))


def _table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print rows of a name and a text; the name of a row like the one above is left out."""
    console = _out()
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    width = max(len(name) for name, _ in rows)
    console.print(Text(_plain(title), style="bold"))
    before = ""
    for name, text in rows:
        shown = "" if name == before else name
        if console.is_terminal:
            table.add_row(shown, _plain(text))
        else:
            # A table would fill each line up with blanks.
            console.print(f"{shown:<{width}}  {_plain(text)}")
        before = name
    if console.is_terminal:
        console.print(table)


def reports_errors(command: Command) -> Command:
    """End a command with a line and an exit code, not with a traceback."""

    @functools.wraps(command)
    def checked(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            _say_error("stopped; nothing is left half written")
            raise typer.Exit(INTERRUPTED) from None
        except (ZecoverageError, MemoryError) as error:
            log.debug("the reason", exc_info=error)
            _say_error(str(error) or "there is not enough memory")
            raise typer.Exit(FAILED) from None

    return checked  # type: ignore[return-value]


# --- options made from the settings --------------------------------------------------------


def takes(**groups: type[Any]) -> Callable[[Command], Command]:
    """Give a command one option for each field of groups of settings.

    Parameters
    ----------
    **groups : type
        Name of the command's parameter → group. The parameter gets a dict of
        the fields that the user named, and only of those.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        parameters = [each for name, each in own.parameters.items() if name not in groups]
        names: dict[str, list[str]] = {}
        for group_name, group in groups.items():
            options = [_option(group, each) for each in fields(group) if each.name != "notes"]
            names[group_name] = [each.name for each in options]
            parameters += options

        @functools.wraps(command)
        def wrapper(**given: Any) -> None:
            for group_name, field_names in names.items():
                values = {name: given.pop(name) for name in field_names}
                given[group_name] = {n: value for n, value in values.items() if value is not None}
            command(**given)

        wrapper.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
        return wrapper  # type: ignore[return-value]

    return decorate


def _option(group: type[Any], setting: Field[Any]) -> inspect.Parameter:
    """Return the option of one setting; None when it is not given."""
    limits: Limits | None = setting.metadata.get("limits")
    flag = _flag(setting.name)
    default = setting.default
    metavar = None
    kind: Any
    if limits is not None:
        kind = int if limits.decimals == 0 else float
        upper = "" if math.isinf(limits.maximum) else f" to {limits.maximum:g}"
        unit = f" ({limits.unit})" if limits.unit else ""
        text = f"{limits.meaning} From {limits.minimum:g}{upper}{unit}; by default {default:g}."
    elif isinstance(default, bool):
        kind = bool
        name = setting.name.removesuffix("_enabled").replace("_", "-")
        flag = f"--{name}/--no-{name}"
        text = f"{_SWITCHES[setting.name]} By default {'yes' if default else 'no'}."
    else:
        kind = str
        choices = get_args(get_type_hints(group)[setting.name])
        metavar = "|".join(choices)
        text = f"{_CHOICES[setting.name]} By default {default}."
    panel = "Thresholds" if group is MaskParameters else "Study"
    info = typer.Option(flag, help=text, metavar=metavar, rich_help_panel=panel)
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, info],
    )


_SWITCHES: Final = {
    "nanize": "Empty the hidden pixels with NaN, not with 0.",
    "strict_overlap_crop_enabled": "Crop the tile to what the mask keeps.",
}
_CHOICES: Final = {
    "stack": "How the tile is stacked; none makes the coverage only.",
    "canvas": "The coverage's canvas; auto keeps the reference frame's unless another frame "
    "covers less than 95 % of it.",
    "background": "How each frame's background is matched to the reference.",
}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


Group = TypeVar("Group", MaskParameters, StudyOptions)


def _changed(settings: Group, given: Mapping[str, Any]) -> Group:
    """Return the settings with those of the command line; what is out of range is wrong usage."""
    try:
        return replace(settings, **given)
    except ParameterError as error:
        raise typer.BadParameter(str(error), param_hint=_flag(error.field)) from None


# --- the program as a whole ----------------------------------------------------------------


def _print_version(wanted: bool) -> None:
    if wanted:
        _say(f"zecoverage {__version__}")
        raise typer.Exit(DONE)


@app.callback(epilog=_EXIT_CODES)
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
    _console.cache_clear()
    logger = logging.getLogger("napari_zecoverage")
    handler = _log_handler(_err())
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])

    def put_back() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    context.call_on_close(put_back)


def _log_handler(console: Console) -> logging.Handler:
    if console.is_terminal:
        return RichHandler(console=console, show_path=False, highlighter=NullHighlighter())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler


@dataclass
class _Trouble:
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
            _say_error(f"{what}: {str(error) or 'there is not enough memory'}")

    def end(self) -> None:
        """End the command with the exit code that fits."""
        if self.count:
            raise typer.Exit(FAILED)


class StudyProgressBars:
    """Shows how far a study is: bars on a terminal, else a line for each finished stage."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _err()
        self._task: TaskID | None = None
        self._stage = ""
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> StudyProgressBars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, progress: StudyProgress) -> None:
        """Take one report of `study_cluster`."""
        stage = _plain(str(replace(progress, text="")))
        if not self._console.is_terminal:
            if progress.done == progress.total:
                self._console.print(stage)
            return
        if progress.stage != self._stage or self._task is None:
            self._stage = progress.stage
            self._task = self._bars.add_task(re.sub(r" \d+/\d+$", "", stage), total=None)
        self._bars.update(self._task, completed=progress.done, total=progress.total)


def _studied(cluster: Cluster, options: StudyOptions, *, cache: bool = True) -> ClusterStudy:
    from napari_zecoverage.core.study import study_cluster

    _say_aside(f"{cluster.name}: {cluster.listing}")
    with StudyProgressBars() as bars:
        study = study_cluster(cluster, options, progress=bars, cache=cache)
    # One from the cache has the name that its frames had when it was made.
    return replace(study, cluster=cluster)


def _found_clusters(places: Sequence[Path], trouble: _Trouble) -> list[Cluster]:
    """Find the clusters: the files together are one, each folder has its own."""
    from napari_zecoverage.core.clusters import find_clusters

    files = [each for each in places if not each.is_dir()]
    clusters: list[Cluster] = []
    if files:
        with trouble.caught("files"):
            clusters += find_clusters(files)
    for folder in places:
        if folder.is_dir():
            with trouble.caught("folder"):
                clusters += find_clusters(folder)
    return clusters


# --- mask ----------------------------------------------------------------------------------

Frames = Annotated[
    list[Path],
    typer.Argument(
        metavar="FRAMES",
        help="Frames and folders of frames. The files together are one cluster; of a folder, its "
        "frames are one, and those of each of its sub-folders another.",
        show_default=False,
    ),
]


@app.command(epilog=_EXIT_CODES)
@reports_errors
@takes(thresholds=MaskParameters, study=StudyOptions)
def mask(
    frames: Frames,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the results; with several clusters, one in it for each.",
            show_default=False,
        ),
    ],
    thresholds: dict[str, Any],
    study: dict[str, Any],
    config: Annotated[
        Path | None,
        typer.Option(help="Take the thresholds from ZeMosaic's config; options come on top."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the results that are in the folder already.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Study again, and do not keep the studied cluster.")
    ] = False,
) -> None:
    """Study frames, and write what ZeMosaic would hide of their tile.

    Writes coverage.fits, alpha.fits, preview.png and summary.json, all or none.
    """
    _changed(MaskParameters(), thresholds)
    options = _changed(StudyOptions(), study)
    parameters = _changed(_base(config), thresholds)
    trouble = _Trouble()
    clusters = _found_clusters(frames, trouble)
    folders = result_folders(out, clusters)

    from napari_zecoverage.outputs import check_target

    for folder in folders:
        check_target(folder, force=force)
    for cluster, folder in zip(clusters, folders, strict=True):
        with trouble.caught(cluster.name):
            _mask_one(cluster, folder, parameters, options, force=force, cache=not no_cache)
    trouble.end()


def _base(config: Path | None) -> MaskParameters:
    """Return the thresholds to start from, and say what a config has that cannot be meant."""
    if config is None:
        return MaskParameters()
    from napari_zecoverage.zemosaic.config import read_config

    parameters = read_config(config).parameters
    for note in parameters.notes:
        _say_aside(f"{config}: {note}")
    return parameters


def result_folders(out: Path, clusters: Sequence[Cluster]) -> list[Path]:
    """Return the folder of each cluster's results: `out`, or one in it for each of several."""
    if len(clusters) == 1:
        return [out]
    taken: set[str] = set()
    folders = []
    for cluster in clusters:
        base = name = safe_name(cluster.name)
        number = 1
        # Some file systems do not tell capitals from small letters.
        while name.casefold() in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name.casefold())
        folders.append(out / name)
    return folders


def safe_name(name: str) -> str:
    """Turn a cluster's name into one that a folder may have everywhere."""
    kept = re.sub(r"[^\w.+-]+", "_", name, flags=re.ASCII).strip("._")[:80]
    return f"_{kept}" if re.fullmatch(_DEVICES, kept) else kept or "cluster"


# Windows has no files of these names, whatever their ending.
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def _mask_one(
    cluster: Cluster,
    folder: Path,
    parameters: MaskParameters,
    options: StudyOptions,
    *,
    force: bool,
    cache: bool,
) -> None:
    from napari_zecoverage.core.outcome import apply_mask
    from napari_zecoverage.outputs import write_results

    study = _studied(cluster, options, cache=cache)
    outcome = apply_mask(study, parameters)
    results = write_results(folder, study, outcome, force=force)
    _print_study(study, outcome, results)


def _print_study(study: ClusterStudy, outcome: MaskOutcome, results: Results | None = None) -> None:
    """Print what was found, and what ZeMosaic would do."""
    from napari_zecoverage.verdict import verdict_of

    verdict = verdict_of(study, outcome)
    rows = [("found", study.summary)]
    rows += [("left out", f"{path}: {reason}") for path, reason in study.cluster.left_out]
    for frame, registration in zip(study.cluster.frames, study.registrations, strict=True):
        if registration.method in ("failed", "fft"):
            word = "left out" if registration.method == "failed" else "rescued"
            rows.append((word, f"{frame.path.name}: {registration.reason}"))
    rows += [("note", note) for note in study.notes]
    rows += [("ZeMosaic", line) for line in (verdict.headline, *verdict.lines)]
    if results is not None:
        rows.append(("written", f"{results.folder}: {', '.join(p.name for p in results.files)}"))
    _table(study.cluster.name, rows)


# --- export --------------------------------------------------------------------------------


@app.command(epilog=_EXIT_CODES)
@reports_errors
@takes(thresholds=MaskParameters)
def export(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="ZeMosaic's zemosaic_config.json, or the folder that holds it.",
            show_default=False,
        ),
    ],
    thresholds: dict[str, Any],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, write nothing.")
    ] = False,
    create: Annotated[
        bool, typer.Option("--create", help="Make the config when there is none.")
    ] = False,
) -> None:
    """Write thresholds into ZeMosaic's config; the file before is kept beside it.

    Only the thresholds that are named change.
    """
    from napari_zecoverage.core.errors import ConfigNotFoundError
    from napari_zecoverage.zemosaic.config import read_config, write_config

    if not thresholds:
        raise typer.BadParameter(
            "name at least one, as in --min-coverage-frac 0.6", param_hint="thresholds"
        )
    _changed(MaskParameters(), thresholds)
    try:
        before = read_config(config)
    except ConfigNotFoundError:
        if not create:
            raise
        before = None
    base = MaskParameters() if before is None else before.parameters
    for note in base.notes:
        _say_aside(f"{config}: {note}")
    change = write_config(
        config, _changed(base, thresholds), expected=before, dry_run=dry_run, create=create
    )
    _print_change(change, dry_run=dry_run)


def _print_change(change: ConfigChange, *, dry_run: bool = False) -> None:
    from napari_zecoverage.zemosaic.config import CLOSE_ZEMOSAIC_FIRST

    rows = [("change", line) for line in change.lines()]
    if not change.changes:
        rows.append(("change", "none: the config has these thresholds already"))
    elif dry_run:
        rows.append(("written", "nothing, because of --dry-run"))
    if change.backup is not None:
        rows.append(("kept", f"the file before, as {change.backup}"))
    rows.append(("note", CLOSE_ZEMOSAIC_FIRST))
    _table(str(change.path), rows)


# --- cache ---------------------------------------------------------------------------------


@app.command(epilog=_EXIT_CODES)
@reports_errors
def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove every studied cluster; frames are not touched.")
    ] = False,
    where: Annotated[bool, typer.Option("--where", help="Print the folder, nothing else.")] = False,
) -> None:
    """Show where studied clusters are kept and what they take, or remove them.

    The environment variable ZECOVERAGE_CACHE_DIR moves them.
    """
    from napari_zecoverage.core.cache import StudyCache

    store = StudyCache()
    if where:
        _say(str(store.directory))
    if clear:
        size, removed = store.size_bytes(), store.clear()
        left = store.entries()
        _say_aside(f"{removed} studied clusters removed, {_megabytes(size)}")
        if left:
            raise StudyError(f"{store.directory}: {len(left)} studied clusters cannot be removed")
    elif not where:
        rows = [
            ("studied clusters", str(len(store.entries()))),
            ("size", f"{_megabytes(store.size_bytes())} of at most {_megabytes(store.max_bytes)}"),
        ]
        _table(str(store.directory), rows)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


# --- the window ----------------------------------------------------------------------------


class WindowError(ZecoverageError):
    """No window can be opened here."""


_WINDOW_PX: Final = (1500, 950)
_SETTLE_SECONDS: Final = 0.3

_PROBE: Final = "from qtpy.QtGui import QGuiApplication; QGuiApplication([])"


def check_window() -> None:
    """Refuse what Qt would end the whole program for.

    Raises
    ------
    WindowError
        Qt's binding or libraries are missing, or there is no screen.
    """
    if importlib.util.find_spec("napari") is None:
        raise WindowError('napari is not installed: python -m pip install "napari[all]"')
    on_a_screen = any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    )
    if sys.platform.startswith("linux") and not on_a_screen:
        raise WindowError(
            "there is no screen to open a window on (DISPLAY is not set). zecoverage mask and "
            "zecoverage export work without one; xvfb-run -a zecoverage … gives a screen in memory."
        )
    # In a process of its own: Qt aborts when it finds no screen or lacks a library.
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if probe.returncode == 0:
        return
    told = [line.strip() for line in probe.stderr.splitlines() if line.strip()]
    if any("QtBindingsNotFoundError" in line or "No Qt bindings" in line for line in told):
        raise WindowError(
            'no Qt binding is installed: python -m pip install "napari[all]" brings one'
        )
    raise WindowError(f"Qt cannot open a window here. It says: {' '.join(told)[:600] or 'nothing'}")


def _open_window() -> tuple[Any, Any]:
    """Open napari with the dock; return the viewer and the dock."""
    check_window()
    import napari

    try:
        viewer = napari.Viewer(title="napari-zecoverage")
        _, dock = viewer.window.add_plugin_dock_widget("napari-zecoverage", "Coverage thresholds")
    except Exception as error:
        # No OpenGL, a broken plugin, ...: napari and Qt raise whatever they like.
        log.debug("the window", exc_info=error)
        raise WindowError(f"napari cannot open its window here: {error}") from error
    _give_room(viewer)
    return viewer, dock


def _give_room(viewer: Any) -> None:
    """Make the window wide enough for a picture beside the dock, and let it be laid out."""
    from qtpy.QtWidgets import QApplication

    screen = QApplication.primaryScreen()
    if screen is not None:
        room = screen.availableGeometry()
        viewer.window.resize(min(_WINDOW_PX[0], room.width()), min(_WINDOW_PX[1], room.height()))
    _let_work(_SETTLE_SECONDS)


@app.command(epilog=_EXIT_CODES)
@reports_errors
def tune(
    path: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Frames and folders of frames, as for mask; none for the empty window.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Open the window: see the fringes, move the thresholds, export them."""
    check_window()
    trouble = _Trouble()
    clusters = _found_clusters(path or [], trouble)
    if path and not clusters:
        trouble.end()
    _, dock = _open_window()
    if clusters:
        dock.open_clusters(clusters)
    _run_window()
    trouble.end()


def _run_window() -> None:
    import napari

    napari.run()


# --- demo ----------------------------------------------------------------------------------

SCREENSHOT_NAME: Final = "screenshot.png"

DEMO_FRAC: Final = 0.7
"""The `min_coverage_frac` that the demo tunes to.

ZeMosaic's 0.5 keeps what one of the sample's two nights covers alone, in that night's colour.
"""

_DEMO_CONFIG: Final = {
    "output_dir": "",
    "stacking_rejection_algorithm": "winsorized_sigma_clip",
    **MaskParameters().to_config(),
    "quality_crop_enabled": False,
}
"""A few keys of ZeMosaic's config around the ones that matter here."""

_DRAW_SECONDS: Final = 60.0


@app.command(epilog=_EXIT_CODES)
@reports_errors
def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for what the demo writes; by default a new temporary one.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what an earlier demo left in the folder.")
    ] = False,
    screenshot_and_quit: Annotated[
        bool,
        typer.Option(
            "--screenshot-and-quit",
            help="Tune a threshold, export it, save a picture of the window, and quit.",
        ),
    ] = False,
) -> None:
    """Study the built-in sample and open the window on it.

    The sample is a made-up cluster of raw frames with a known colour step. The
    demo also writes a made-up ZeMosaic config, so that there is something to
    export to.
    """
    from napari_zecoverage.core.clusters import find_clusters
    from napari_zecoverage.core.outcome import apply_mask
    from napari_zecoverage.sample import sample_folder

    check_window()
    folder = _demo_folder(out, force=force)
    _say_aside("making up the sample's frames…")
    cluster = replace(find_clusters(sample_folder())[0], name="sample")
    study = _studied(cluster, StudyOptions())
    config = _write_demo_config(folder)
    viewer, dock = _open_window()
    dock.open_clusters([cluster])
    dock.show_study(study)
    _fill_in_config(dock, config)
    _print_study(study, apply_mask(study, dock.parameters))
    if screenshot_and_quit:
        _tune_and_export(dock, study, config)
        picture = folder / SCREENSHOT_NAME
        _save_screenshot(viewer, picture)
        viewer.close()
        _table("saved", [("screenshot", str(picture)), ("config", str(config))])
    else:
        _say(f"A made-up ZeMosaic config to export to: {config}\nClose the window to end the demo.")
        _run_window()


def _demo_folder(out: Path | None, *, force: bool) -> Path:
    from napari_zecoverage.core.errors import OutputError
    from napari_zecoverage.zemosaic.config import CONFIG_NAME

    if out is None:
        return Path(tempfile.mkdtemp(prefix="zecoverage-demo-"))
    folder = Path(os.path.abspath(out.expanduser()))
    present = [each for each in (CONFIG_NAME, SCREENSHOT_NAME) if os.path.lexists(folder / each)]
    if present and not force:
        raise OutputError(
            folder,
            f"holds {' and '.join(present)} already. Name another folder, or say that they are "
            "to be replaced (--force).",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, f"cannot be made ({error.strerror}); name another.") from error
    return folder


def _write_demo_config(folder: Path) -> Path:
    """Write a config as ZeMosaic spells it, for the demo to export to."""
    from napari_zecoverage.core.errors import OutputError
    from napari_zecoverage.zemosaic.config import CONFIG_NAME

    path = folder / CONFIG_NAME
    try:
        path.write_text(json.dumps(_DEMO_CONFIG, indent=4, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        raise OutputError(path, f"cannot be written ({error.strerror}).") from error
    return path


def _fill_in_config(dock: Any, config: Path) -> None:
    """Name the config in the dock's field, as a user would."""
    from qtpy.QtWidgets import QLineEdit

    field = dock.findChild(QLineEdit, "config_path")
    field.setText(str(config))
    field.editingFinished.emit()


def _tune_and_export(dock: Any, study: ClusterStudy, config: Path) -> None:
    """Do what a user would do: move a threshold, look, press Export."""
    from qtpy.QtWidgets import QLabel, QPushButton

    from napari_zecoverage.core.outcome import apply_mask
    from napari_zecoverage.verdict import verdict_of
    from napari_zecoverage.zemosaic.config import read_config, write_config

    parameters = replace(dock.parameters, min_coverage_frac=DEMO_FRAC)
    dock.set_parameters(parameters)
    outcome = apply_mask(study, parameters)
    expected = verdict_of(study, outcome).html()
    verdict = dock.findChild(QLabel, "verdict")
    _wait_until(lambda: verdict.text() == expected, "the window to show the tuned threshold")
    change = write_config(config, parameters, dry_run=True)
    dock.findChild(QPushButton, "export_config").click()
    if read_config(config).parameters != parameters:
        raise StudyError(f"{config}: the export did not reach the config")
    rows = [("tuned", f"{CONFIG_PREFIX}min_coverage_frac = {DEMO_FRAC:g}")]
    rows += [("ZeMosaic", line) for line in verdict_of(study, outcome).lines]
    rows += [("export", line) for line in change.lines()]
    _table("after tuning", rows)


def _wait_until(ready: Callable[[], bool], what: str) -> None:
    """Let the window work until it is ready."""
    from qtpy.QtWidgets import QApplication

    deadline = time.monotonic() + _DRAW_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise WindowError(f"waited {_DRAW_SECONDS:.0f} s in vain for {what}")
        QApplication.processEvents()
        time.sleep(0.01)


def _let_work(seconds: float) -> None:
    """Let the window work for a while."""
    end = time.monotonic() + seconds
    _wait_until(lambda: time.monotonic() >= end, "nothing")


def _save_screenshot(viewer: Any, path: Path) -> None:
    """Save a picture of the whole window once its layers are drawn."""
    import cv2

    from napari_zecoverage.core.errors import OutputError

    # The panels grow to their text, then the canvas is drawn again.
    _let_work(_SETTLE_SECONDS)
    viewer.reset_view()
    _let_work(_SETTLE_SECONDS)
    picture = viewer.screenshot(canvas_only=False, flash=False)
    done, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))
    try:
        path.write_bytes(encoded.tobytes() if done else b"")
    except OSError as error:
        raise OutputError(path, f"cannot be written ({error.strerror}).") from error


if __name__ == "__main__":
    main()
