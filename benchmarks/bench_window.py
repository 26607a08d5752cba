"""Measure the window: a slider's tick, what holds the main thread, opening, memory.

``python benchmarks/bench_window.py`` opens a real napari window (on a virtual screen
of its own where there is none), moves the sliders as a hand would and prints a table;
its exit status is 1 when a bound is missed. ``--who`` also prints where the main
thread was whenever it was held too long.

Two yardsticks lie beside what the main thread is held for, since drawing in software takes
as long as the window is large, and the machine's speed drifts: napari alone (new data for
one layer of the same size, drawn), and after each tick the same canvas drawn once more
with nothing changed, in which no code of ours runs.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SEESTAR = (1080, 1920)
LARGE = (4176, 6248)
SCREEN = "1920x1200x24"
SMALLEST_WINDOW = (1280, 720)
"""In which all is to be usable."""

TICK_MS = 60
UNCHANGED_MS = 40
HELD_MS = 50
PREVIEW_MS = 100
EXACT_MS = 400
OPEN_MS = 1000

BEAT_MS = 2

rows: list[tuple[str, str, str, bool | None]] = []


def report(what: str, measured: str, bound: str = "", kept: bool | None = None) -> None:
    rows.append((what, measured, bound, kept))
    mark = {True: "ok", False: "MISSED", None: ""}[kept]
    print(f"{what:<78}{measured:>20}  {bound:<12}{mark}", flush=True)


def at_most(what: str, milliseconds: list[float], bound: float, *, worst: bool = False) -> None:
    """Report the median (or the worst) of some times against a bound."""
    value = max(milliseconds) if worst else statistics.median(milliseconds)
    report(what, f"{value:.1f} ms", f"≤ {bound:.0f} ms", value <= bound)
    low, high = min(milliseconds), max(milliseconds)
    rest = f"{low:.1f} … {high:.1f} ms"
    report(f"  least … most of {len(milliseconds)}", rest)


# --- a study without frames ------------------------------------------------------------------


def made_up_study(frame_shape: tuple[int, int], *, padded: bool = True, frames: int = 32) -> Any:
    """Make a study of turned and dithered frames, as a night of Alt-Az leaves them."""
    from drawn import drawn_frame
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.coverage import Canvas, Covering, count_coverage, find_footprint
    from napari_zecoverage.core.parameters import StudyOptions
    from napari_zecoverage.core.registration import Registration
    from napari_zecoverage.core.studied import ClusterStudy

    rng = np.random.default_rng(1)
    height, width = frame_shape
    side = int(np.hypot(*frame_shape)) + 1
    shape = (side, side) if padded else frame_shape
    offset = ((shape[0] - height) // 2, (shape[1] - width) // 2)
    canvas = Canvas(shape, offset, frame_shape)
    centre = np.array([width / 2, height / 2])
    registrations, coverings = [], []
    for angle in np.linspace(0, 0.5, frames):
        c, s = np.cos(angle), np.sin(angle)
        dither = rng.uniform(-0.03, 0.03, 2) * (width, height)
        shift = centre - np.array([[c, -s], [s, c]]) @ centre + dither * (angle > 0)
        matrix = np.array([[c, -s, shift[0]], [s, c, shift[1]], [0, 0, 1]])
        registrations.append(Registration(matrix, "astroalign" if angle else "reference", 0.2, 40))
        footprint = find_footprint(canvas.from_frame(matrix), frame_shape, shape)
        coverings.append(Covering(footprint, np.empty(0, np.int64), 1))
    coverage = count_coverage(coverings, shape)
    tile = rng.standard_normal((*shape, 3), dtype=np.float32)
    tile *= 10
    tile += np.float32(900)
    tile[coverage == 0] = np.nan
    start = datetime(2025, 3, 26, 22, tzinfo=UTC)
    infos = tuple(
        drawn_frame(index, start + timedelta(minutes=index), frame_shape) for index in range(frames)
    )
    return ClusterStudy(
        cluster=Cluster("made up", infos, (), ()),
        options=StudyOptions(),
        registrations=tuple(registrations),
        canvas=canvas,
        coverage=coverage,
        tile=tile,
    )


# --- the window ------------------------------------------------------------------------------


class Heartbeat:
    """How long the main thread is held in one go: how late a short timer is."""

    def __init__(self, who: bool) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.late_ms: list[float] = []
        self.places: Counter[str] = Counter()
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._timer.start()
        self._who = who
        # Python looks for garbage now and then, in all that napari keeps, and holds the thread.
        self.collected_ms: list[float] = []
        self._collecting = 0.0
        gc.callbacks.append(self._on_collector)
        self._main = threading.get_ident()
        self._going = True
        if who:
            threading.Thread(target=self._watch, daemon=True).start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.late_ms.append((now - self._last) * 1e3 - BEAT_MS)
        self._last = now

    def _on_collector(self, phase: str, _info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._collecting = now
        else:
            self.collected_ms.append((now - self._collecting) * 1e3)

    def forget(self) -> None:
        """Begin anew."""
        self.late_ms.clear()
        self.collected_ms.clear()
        self.places.clear()
        self._last = time.perf_counter()

    def skip(self) -> None:
        """Leave out what the measurement itself took."""
        self._last = time.perf_counter()

    @property
    def worst_ms(self) -> float:
        """The longest that the thread was held since `forget`."""
        return max([*self.late_ms, (time.perf_counter() - self._last) * 1e3 - BEAT_MS])

    def tell(self, what: str) -> None:
        """Report the worst, and with ``--who`` where it was."""
        held = [each for each in self.late_ms if each > HELD_MS]
        worst = self.worst_ms
        middle = statistics.median(held) if held else 0.0
        report(what, f"{worst:.1f} ms", f"≤ {HELD_MS} ms", worst <= HELD_MS)
        if held:
            report(f"  longer than {HELD_MS} ms; median", f"{len(held)} ×; {middle:.0f} ms")
            collector = max(self.collected_ms, default=0.0)
            if collector > HELD_MS / 2:
                report("  the longest look of Python for garbage in it", f"{collector:.0f} ms")
        for place, times in self.places.most_common(6):
            print(f"    {times} × {place}")
        self.forget()

    def _watch(self) -> None:
        """Note where the main thread is while its timer is late."""
        noted = 0.0
        while self._going:
            time.sleep(0.004)
            last = self._last
            if time.perf_counter() - last > HELD_MS / 1e3 and last != noted:
                noted = last
                frame = sys._current_frames().get(self._main)
                stack = traceback.extract_stack(frame)[-14:]
                lines = [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in stack]
                self.places[" > ".join(lines)] += 1


class Tick(NamedTuple):
    """ms from moving a slider until something of it is drawn.

    Attributes
    ----------
    seen : float
        Another picture.
    exact : float
        A picture that is right in every pixel.
    alpha : float
        All else: alpha of every pixel is known, for the cursor and the profile.
    """

    seen: float
    exact: float
    alpha: float


class Window:
    """A napari window with the dock, and its canvas's draws."""

    def __init__(self, who: bool = False) -> None:
        from napari_zecoverage.cli.window import open_window

        self.viewer, self.dock = open_window()
        # A widget from the manifest may come wrapped.
        from qtpy.QtWidgets import QApplication

        self.app = QApplication.instance()
        self.draws = 0
        main = self.viewer.window._qt_window
        self.own_size = main.width(), main.height()
        self._canvas().events.draw.connect(self._on_draw, position="last")
        self.beat = Heartbeat(who)
        self.computed: list[Any] = []
        self.drawn_at = 0
        self.dock.outcome_computed.connect(self._on_computed)

    def _canvas(self) -> Any:
        # No public way leads to the drawing; this is a measurement, not the plugin.
        return self.viewer.window._qt_viewer.canvas._scene_canvas

    def resize(self, size: tuple[int, int]) -> None:
        self.viewer.window.resize(*size)
        self.rest(1)

    def update_canvas(self) -> None:
        """Have the canvas drawn as it is."""
        self._canvas().update()

    def redraw(self) -> float:
        """Draw the canvas once more as it is; return the ms for which that holds the thread."""
        self.rest(0.05)
        self.beat.forget()
        drawn = self.draws
        self.update_canvas()
        self.until(lambda: self.draws > drawn)
        self.rest(0.02)
        return self.beat.worst_ms

    def _on_draw(self, _event: object) -> None:
        self.draws += 1

    def _on_computed(self, outcome: Any) -> None:
        self.computed.append(outcome)
        self.drawn_at = self.draws

    def until(self, ready: Callable[[], bool], seconds: float = 300) -> None:
        from qtpy.QtCore import QEventLoop

        end = time.perf_counter() + seconds
        while not ready():
            # The heartbeat wakes it.
            self.app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            if time.perf_counter() > end:
                raise TimeoutError("waited in vain")

    def rest(self, seconds: float = 0.6) -> None:
        """Let everything that waits for the sliders to rest be done."""
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() > end)

    def measured(self) -> None:
        """Let the fringe be measured and every mask judged."""
        self.rest()
        self.until(lambda: self.dock.idle)
        self.rest()

    def slider(self, name: str) -> Any:
        from qtpy.QtWidgets import QSlider

        return self.dock.findChild(QSlider, f"{name}_slider")

    def show(self, study: Any) -> float:
        """Show a study; return the seconds until it and its mask are drawn."""
        from napari_zecoverage.ui.jobs import import_ahead, with_picture

        # What a run's thread makes ready before the window is given it.
        import_ahead()
        studied = with_picture(study, self.dock._look())
        self.beat.forget()
        self.computed.clear()
        start = time.perf_counter()
        self.dock._show(studied)
        self.until(lambda: bool(self.computed))
        drawn = self.draws
        self.until(lambda: self.draws > drawn)
        return time.perf_counter() - start

    def tick(self, slider: Any, value: int) -> Tick:
        """Move a slider and wait until all that it changes is there.

        In a turn of the event loop, where a person's hand moves it: Qt draws in the next.
        """
        from qtpy.QtCore import QTimer

        from napari_zecoverage.picture import removed_pixels
        from napari_zecoverage.ui.layer_data import whole_data

        layers = self.dock._shown._layers
        removed = layers["removed"]
        told: list[int] = []  # how many drawings there were when the canvas was given a picture

        def on_picture(_event: object) -> None:
            told.append(self.draws)

        removed.events.set_data.connect(on_picture)
        # The words of the tick before are not this one's.
        self.rest(0.05)
        self.computed.clear()
        start = time.perf_counter()
        QTimer.singleShot(0, lambda: slider.setValue(value))
        self.until(lambda: slider.value() == value)
        wanted = self.dock.parameters
        seen = 0.0
        shown = None
        while True:
            self.until(lambda: bool(told and self.draws > told[0]) or self._is_done(wanted))
            if not seen and told and self.draws > told[0]:
                seen = (time.perf_counter() - start) * 1e3
                part = layers.seen_part()
                shown = whole_data(removed)[part].copy()
            if self._is_done(wanted) and (not told or self.draws > told[-1]):
                break
            self.until(lambda: self._is_done(wanted))
            self.until(lambda: not told or self.draws > told[-1])
        alpha = (time.perf_counter() - start) * 1e3
        removed.events.set_data.disconnect(on_picture)
        if shown is None:
            return Tick(alpha, alpha, alpha)
        outcome = next(each for each in self.computed if each.parameters == wanted)
        right = np.array_equal(shown, removed_pixels(self.dock.study, outcome)[part])
        self.beat.skip()
        return Tick(seen, seen if right else alpha, alpha)

    def _is_done(self, wanted: Any) -> bool:
        return any(each.parameters == wanted for each in self.computed)

    def close(self) -> None:
        self.viewer.close()


def steps_where(study: Any, *, changing: bool, times: int) -> Iterator[int]:
    """Give slider positions, each of which changes the mask, or none of which does."""
    levels = [float(each) for each in np.unique(study.coverage[::8, ::8])]
    most = levels[-1]
    if changing:
        # To and fro between neighbouring counts, in the slider's hundredths.
        at = [round((level - 0.5) / most * 100) for level in levels[len(levels) // 4 :]]
        at += at[::-1]
        for k in range(times):
            yield at[k % len(at)]
    else:
        # min_coverage_abs below frac · max.
        low = int(0.4 * most)
        for k in range(times):
            yield 1 + k % (low - 1)


def show_and_measure(window: Window, study: Any) -> str:
    """Show a study, tell how long the window was held, and return its shape in words."""
    shape = "×".join(map(str, study.canvas.shape))
    seconds = window.show(study)
    report(f"{shape}: a study shown, drawn with its mask", f"{seconds * 1e3:.0f} ms")
    window.rest(0.2)
    window.beat.tell(f"{shape}: main thread held at most, showing a study")
    window.measured()
    window.beat.tell(f"{shape}: main thread held at most, while it is measured")
    plain = plain_layer(window, study.canvas.shape, 60)
    median = statistics.median(plain.set_ms)
    report("  yardstick: napari alone, one uint8 layer set and drawn", f"{median:.1f} ms")
    late = [each for each in plain.held_ms if each > HELD_MS]
    worst = max(plain.held_ms)
    report("  the same: main thread held at most", f"{worst:.1f} ms, {len(late)} × > {HELD_MS}")
    added = ", ".join(f"{each:.0f}" for each in plain.added_ms)
    report("  napari alone, a layer added: held at most, each", f"{added} ms")
    window.rest(1)
    window.beat.forget()
    return shape


def changing_ticks(window: Window, slider: Any, values: Iterable[int]) -> list[Tick]:
    """Move a slider to and fro so that each tick changes the mask."""
    return [window.tick(slider, value) for value in values if value != slider.value()]


def report_ticks(what: str, ticks: list[Tick], seen_ms: float) -> None:
    """Report when the picture was seen, when it was exact, and when all else was there."""
    at_most(f"{what} → drawn, median", [each.seen for each in ticks], seen_ms)
    at_most(f"{what} → exact mask drawn, median", [each.exact for each in ticks], EXACT_MS)
    alpha = statistics.median(each.alpha for each in ticks)
    report("  the same → alpha under the cursor, too, median", f"{alpha:.1f} ms")


def bench_ticks(window: Window, study: Any, times: int) -> None:
    shape = show_and_measure(window, study)
    for size in (SMALLEST_WINDOW, window.own_size):
        window.resize(size)
        bench_ticks_of_size(window, f"{shape} in {size[0]}×{size[1]}", study, times)


def bench_ticks_of_size(window: Window, where: str, study: Any, times: int) -> None:
    frac, least = window.slider("min_coverage_frac"), window.slider("min_coverage_abs")
    ticks, held, redrawn = [], [], []
    for value in steps_where(study, changing=True, times=times):
        if value != frac.value():
            window.rest(0.05)
            window.beat.forget()
            ticks.append(window.tick(frac, value))
            held.append(window.beat.worst_ms)
            redrawn.append(window.redraw())
    report_ticks(f"{where}: tick that changes the mask", ticks, TICK_MS)
    at_most(f"{where}: main thread held at most, each tick", held, HELD_MS, worst=True)
    tell_redrawn(redrawn)
    window.beat.forget()
    window.rest(3)
    window.beat.tell(f"{where}: main thread held at most, at rest after it")
    frac.setValue(50)
    window.rest()
    window.beat.forget()
    taken = []
    for value in steps_where(study, changing=False, times=times):
        if value != least.value():
            taken.append(window.tick(least, value).alpha)
    at_most(f"{where}: tick that changes nothing → shown, median", taken, UNCHANGED_MS)
    window.beat.tell(f"{where}: main thread held at most, while ticking")
    window.rest()
    drag(window, frac)
    window.beat.tell(f"{where}: main thread held at most, dragging without waiting")


def tell_redrawn(held: list[float]) -> None:
    """Report how long the thread is held by drawings in which nothing has changed."""
    late = sum(each > HELD_MS for each in held)
    words = f"{max(held):.1f} ms, {late} × > {HELD_MS}"
    report("  yardstick: the same canvas drawn again, at most", words)
    report("  the same, median", f"{statistics.median(held):.1f} ms")


def drag(window: Window, slider: Any) -> None:
    """Drag a slider without waiting for anything; then draw the canvas as often, unchanged."""
    computed = len(window.computed)
    draws = window.draws
    taken = for_a_while(window, lambda step: slider.setValue(20 + step % 60))
    report(
        "  dragged at 60 a second: masks shown, pictures drawn a second",
        f"{(len(window.computed) - computed) / taken:.0f}, {(window.draws - draws) / taken:.0f}",
    )
    held = list(window.beat.late_ms)
    window.until(lambda: window._is_done(window.dock.parameters))
    window.rest(1)
    for_a_while(window, lambda _step: window.update_canvas())
    tell_redrawn([each for each in window.beat.late_ms if each > BEAT_MS])
    window.beat.late_ms[:] = held


def for_a_while(window: Window, move: Callable[[int], object]) -> float:
    """Do something for 1.5 seconds as a hand does that drags; return how long it took.

    The mouse tells its place every 16 ms, in a turn of the event loop of its own; what it
    comes too late for is left out, as Qt does.
    """
    from qtpy.QtCore import Qt, QTimer

    start = time.perf_counter()
    mouse = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=16)
    mouse.timeout.connect(lambda: move(int((time.perf_counter() - start) / 0.016)))
    window.beat.forget()
    mouse.start()
    window.rest(1.5)
    mouse.stop()
    return time.perf_counter() - start


class PlainLayer(NamedTuple):
    """What napari alone takes.

    Attributes
    ----------
    added_ms : list of float
        For which the main thread was held at most, for each layer that was added.
    set_ms : list of float
        Until new data of a layer is drawn, each.
    held_ms : list of float
        For which the main thread was held meanwhile, each go.
    """

    added_ms: list[float]
    set_ms: list[float]
    held_ms: list[float]


def plain_layer(window: Window, shape: tuple[int, int], times: int) -> PlainLayer:
    """Add a layer in a window that shows nothing else, and set new data of it."""
    others = [(layer, layer.visible) for layer in window.viewer.layers]
    for layer, _ in others:
        layer.visible = False
    images = [np.zeros(shape, np.uint8), np.ones(shape, np.uint8)]
    added = []
    for _ in range(3):
        window.rest(0.5)
        window.beat.forget()
        layer = window.viewer.add_image(images[0], contrast_limits=(0, 2), name="yardstick")
        window.rest(0.5)
        added.append(window.beat.worst_ms)
        window.viewer.layers.remove(layer)
    layer = window.viewer.add_image(images[0], contrast_limits=(0, 2), name="yardstick")
    window.rest(1)
    window.beat.forget()
    taken = []
    for k in range(times):
        draws = window.draws
        start = time.perf_counter()
        layer.data = images[(k + 1) % 2]
        window.until(lambda draws=draws: window.draws > draws)
        taken.append((time.perf_counter() - start) * 1e3)
    held = list(window.beat.late_ms)
    window.viewer.layers.remove(layer)
    for layer, visible in others:
        layer.visible = visible
    return PlainLayer(added, taken, held)


def bench_large(window: Window, times: int) -> None:
    for padded in (False, True):
        study = made_up_study(LARGE, padded=padded)
        shape = show_and_measure(window, study)
        frac = window.slider("min_coverage_frac")
        ticks = changing_ticks(window, frac, steps_where(study, changing=True, times=times))
        report_ticks(f"{shape}: tick", ticks, PREVIEW_MS)
        window.beat.tell(f"{shape}: main thread held at most, while ticking")
        # All masks are to be judged anew: this is seen before they are.
        # The hand needs a moment from one slider to the other.
        window.rest(1.5)
        margin = window.slider("margin_percent")
        values = [margin.value() + (k + 1) % 4 for k in range(times)]
        ticks = changing_ticks(window, margin, values)
        report_ticks(f"{shape}: tick of the margin", ticks, PREVIEW_MS)
        window.measured()
        drag(window, frac)
        window.beat.tell(f"{shape}: main thread held at most, dragging without waiting")
        del study


def bench_memory(window: Window, study: Any, ticks: int) -> None:
    """Count memory and objects before and after many ticks."""
    frac = window.slider("min_coverage_frac")
    values = list(steps_where(study, changing=True, times=200))

    def tick() -> None:
        for k in range(ticks):
            frac.setValue(values[k % len(values)])
            window.rest(0.03)
            window.computed.clear()
        frac.setValue(values[59])
        window.rest(3)
        window.computed.clear()

    # Once to warm up: buffers and caches are filled that stay as they are.
    tick()
    before, kinds = memory_mb(), count_objects()
    tick()
    after, kinds_after = memory_mb(), count_objects()
    grown = after - before
    report(f"memory after {ticks} more ticks", f"{grown:+.0f} MB", "≤ 20 MB", grown <= 20)
    for kind in ("QObject", "ndarray"):
        more = kinds_after[kind] - kinds[kind]
        report(f"  {kind}s", f"{more:+d}", "≤ 10", more <= 10)


def memory_mb() -> float:
    import psutil

    gc.collect()
    if sys.platform == "linux":
        # What is free but kept for later is not growth.
        ctypes.CDLL(None).malloc_trim(0)
    return psutil.Process().memory_info().rss / 2**20


def count_objects() -> Counter[str]:
    from qtpy.QtCore import QObject

    gc.collect()
    found: Counter[str] = Counter()
    for each in gc.get_objects():
        # isinstance would ask proxies, too.
        kind = type(each)
        if issubclass(kind, QObject):
            found["QObject"] += 1
    found["ndarray"] = count_arrays()
    return found


def count_arrays() -> int:
    """Count the arrays that a container or an object holds."""
    seen: set[int] = set()
    for each in gc.get_objects():
        for held in gc.get_referents(each):
            if type(held) is np.ndarray:
                seen.add(id(held))
    return len(seen)


def bench_opening(times: int) -> None:
    """Open the dock in processes in which napari is up, ours not yet imported."""
    taken = []
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, __file__, "--open"], check=True, capture_output=True, text=True
        )
        taken.append(float(done.stdout.splitlines()[-1]))
    at_most("the dock opened after napari is up, median", taken, OPEN_MS)


def open_once() -> None:
    """Print the ms that opening the dock takes here; run by `bench_opening`."""
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer()
    app = QApplication.instance()
    end = time.perf_counter() + 2
    while time.perf_counter() < end:
        app.processEvents()
    start = time.perf_counter()
    viewer.window.add_plugin_dock_widget("napari-zecoverage", "Coverage thresholds")
    for _ in range(5):
        app.processEvents()
    taken = (time.perf_counter() - start) * 1e3
    print(f"{taken:.1f}")
    viewer.close()


@contextmanager
def screen() -> Iterator[None]:
    """Give a screen: the one that there is, or a virtual one."""
    if os.environ.get("DISPLAY") or sys.platform != "linux":
        yield
        return
    if shutil.which("Xvfb") is None:
        raise SystemExit("neither a screen nor Xvfb is here")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", SCREEN, "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as number:
            os.environ["DISPLAY"] = f":{number.readline().strip()}"
        yield
    finally:
        server.terminate()
        server.wait()


@contextmanager
def own_places() -> Iterator[None]:
    """Keep the measurement out of the user's settings and cache."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["NAPARI_CONFIG"] = str(Path(place, "settings.yaml"))
        os.environ["ZECOVERAGE_CACHE_DIR"] = str(Path(place, "cache"))
        os.environ["ZECOVERAGE_CONFIG_DIR"] = str(Path(place, "config"))
        yield


PARTS = ("open", "ticks", "memory", "large")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--ticks", type=int, default=60, help="ticks of each measurement")
    parser.add_argument("--who", action="store_true", help="tell where the main thread was held")
    parser.add_argument("--open", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.open:
        open_once()
        return 0
    wanted = chosen.only or PARTS
    load = "/".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} cores, load {load}")
    with own_places(), screen():
        if "open" in wanted:
            bench_opening(5)
        if set(wanted) & {"ticks", "memory", "large"}:
            window = Window(chosen.who)
            study = made_up_study(SEESTAR)
            if "ticks" in wanted:
                bench_ticks(window, study, chosen.ticks)
            if "memory" in wanted:
                if "ticks" not in wanted:
                    window.show(study)
                bench_memory(window, study, 500)
            if "large" in wanted:
                bench_large(window, max(5, chosen.ticks // 4))
            window.close()
    load = "/".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"load {load}")
    return int(any(kept is False for *_, kept in rows))


if __name__ == "__main__":
    sys.exit(main())
