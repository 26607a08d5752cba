"""A picture for each thing about coverage, alpha and ZeMosaic that the explanation tells.

Every picture is computed by the program itself on made-up data; none is drawn
by hand. Each function returns a figure; `PICTURES` names them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

import napari_zecoverage as zc
from making import clusters, style
from napari_zecoverage.core.alpha import margin_in_pixels
from napari_zecoverage.core.fallback_masks import low_signal_mask, radial_mask
from napari_zecoverage.core.outcome import saved_alpha
from napari_zecoverage.picture import count_colours, stretch
from napari_zecoverage.sample_settings import Night
from napari_zecoverage.verdict import inset_px

DEFAULTS = zc.MaskParameters()
NO_MARGIN = replace(DEFAULTS, margin_percent=0.0)
Coverage = NDArray[np.float32]
# A line that is seen on any colour.
_OUTLINED = [Stroke(linewidth=3.5, foreground="#222222"), Normal()]

_OUTLINED_LETTERS = [Stroke(linewidth=2.5, foreground="#222222"), Normal()]


def _show_coverage(axis: Axes, coverage: Coverage, title: str) -> Any:
    most = int(coverage.max())
    colours = ListedColormap(count_colours(most)[:, :3] / 255)
    shown = axis.imshow(coverage, cmap=colours, vmin=-0.5, vmax=most + 0.5, interpolation="nearest")
    style.as_picture(axis, title)
    return shown


def _noise(shape: tuple[int, int], seed: int = 1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.normal((900, 1000, 800), 12, (*shape, 3)).astype(np.float32)


# --- what it is all about ------------------------------------------------------------------


def coverage() -> Figure:
    """Return the way from a tile over its coverage to what is kept."""
    study = clusters.sample()
    assert study.coverage is not None and study.tile is not None
    outcome = zc.apply_mask(study, DEFAULTS)
    drawn, ((tile, counts, kept), (left, bar, legend)) = style.figure(
        3, 3.3, rows=2, heights=(1, 0.06)
    )
    tile.imshow(stretch(study.tile))
    style.as_picture(tile, "1  The stacked tile")
    shown = _show_coverage(counts, study.coverage, "2  Its coverage")
    drawn.colorbar(shown, cax=bar, orientation="horizontal", ticks=range(0, 17, 4))
    bar.set_xlabel("frames that cover a pixel")
    style.show_kept(kept, study.coverage > 0, outcome.opaque, title="3  What ZeMosaic would keep")
    style.as_picture(left)
    style.as_picture(legend)
    names = {"kept": style.KEPT, "hidden": style.HIDDEN, "no frame": style.BARE}
    handles = [Patch(facecolor=c, label=n, edgecolor="#aaaaaa") for n, c in names.items()]
    legend.legend(handles=handles, loc="upper center", ncols=3, handlelength=1, columnspacing=1)
    return drawn


def threshold() -> Figure:
    """Return what is kept for three shares of the maximum."""
    study = clusters.sample()
    assert study.coverage is not None
    drawn, axes = style.figure(3, 3.3)
    for axis, share in zip(axes, (0.3, 0.5, 0.75), strict=True):
        outcome = zc.apply_mask(study, replace(DEFAULTS, min_coverage_frac=share))
        assert outcome.field_lost is not None
        title = (
            f"frac {share:g}: from {outcome.threshold:.3g} of 16 frames\n"
            f"{outcome.field_lost.hard:.0%} of the field lost"
        )
        style.show_kept(axis, study.coverage > 0, outcome.opaque, outcome.saved_rect, title)
    style.legend_of_kept(drawn, "kept", "hidden by the mask", "no frame there")
    return drawn


def saved_yes_or_no() -> Figure:
    """Return alpha as computed, and ALPHA as saved."""
    study = clusters.sample()
    outcome = zc.apply_mask(study, replace(DEFAULTS, margin_percent=20.0, decay=1.0))
    assert outcome.alpha is not None and outcome.field_lost is not None
    whole = replace(outcome, saved_rect=zc.Rect(0, 0, *study.canvas.shape))
    drawn, (graded, saved, row) = style.figure(3, 3.0, widths=(1, 1, 1.25))
    graded.imshow(outcome.alpha, cmap="gray", vmin=0, vmax=1)
    style.as_picture(graded, "alpha as computed\n(margin 20 %, decay 1)")
    kept = saved_alpha(whole)
    saved.imshow(kept, cmap="gray", vmin=0, vmax=255)
    style.as_picture(saved, "ALPHA in the saved tile")
    middle = study.canvas.shape[0] // 2
    for axis in (graded, saved):
        axis.axhline(middle, color=style.HIDDEN, lw=1)
    row.plot(outcome.alpha[middle], color=style.BLUE, label="alpha")
    row.plot(kept[middle] / 255, color=style.VERMILLION, ls="--", label="ALPHA / 255")
    row.axhline(0.5, color="#888888", lw=0.8, ls=":")
    row.set(xlabel="pixel along the orange line", yticks=(0, 0.5, 1))
    row.legend(loc="upper left", bbox_to_anchor=(0, 1.25), ncols=2)
    return drawn


def fringe() -> Figure:
    """Return the measured colour: as a map, and for each coverage count."""
    study = clusters.sample()
    measured = zc.measure_fringe(study)
    drawn, (place, counts) = style.figure(2, 3.7, widths=(1, 1.25))
    red_green = measured.map[..., 0]
    shown = place.imshow(red_green, cmap="PuOr_r", vmin=-40, vmax=40, interpolation="nearest")
    place.set_facecolor(style.BARE)
    style.as_picture(place, "R−G against the middle")
    bar = drawn.colorbar(shown, ax=place, orientation="horizontal", shrink=0.8)
    bar.set_label("ADU")
    steps = measured.region_steps
    length = np.hypot(steps.red_green, steps.blue_green)
    # The core is what the others are measured against.
    known = np.isfinite(length) & (steps.count < measured.core_count)
    area = steps.area_px[known]
    counts.scatter(
        steps.count[known], length[known], s=3 + area / 50, color=style.BLUE, alpha=0.55, lw=0
    )
    counts.axhline(measured.core_noise, color="#888888", lw=1)
    # Beside the dots, not over them.
    counts.text(20, measured.core_noise + 0.6, "noise of a pixel", ha="right", color="#555555")
    counts.set(xlabel="frames that cover a pixel", ylabel="colour step, ADU", ylim=(0, None))
    counts.set(xlim=(0, 20), xticks=range(2, 17, 2))
    counts.set_title("each dot is a place, as large as it is")
    return drawn


def landscape() -> Figure:
    """Return field kept and fringe left over both thresholds, and the advice."""
    study = clusters.sample()
    measured = zc.measure_fringe(study)
    judged = zc.judge(study, fringe=measured)
    seen = zc.landscape_of(judged)
    advised = zc.advise(study, fringe=measured).parameters
    most = judged.maximum
    least = np.array([min(end, most + 1) for end in seen.abs_ends])
    x, y = np.concatenate([[-0.5], least]), np.concatenate([[-0.01], seen.frac_ends])
    drawn, axes = style.figure(2, 3.7)
    for axis, values, colours, limits, title in (
        (axes[0], 100 * seen.field_kept, "cividis", (None, 100), "field kept, %"),
        (axes[1], seen.fringe, "magma_r", (0, None), "fringe left, × the noise of a pixel"),
    ):
        shown = axis.pcolormesh(x, y, values.T, cmap=colours, vmin=limits[0], vmax=limits[1])
        drawn.colorbar(shown, ax=axis, orientation="horizontal", shrink=0.9).set_label(title)
        others = np.where(seen.source.T == "coverage", np.nan, 1.0)
        axis.pcolor(x, y, np.ma.masked_invalid(others), hatch="//", alpha=0, linewidth=0)
        for name, each, mark in (("ZeMosaic", DEFAULTS, "o"), ("advice", advised, "*")):
            spot = (each.min_coverage_abs, each.min_coverage_frac)
            axis.plot(*spot, mark, color="white", mec=style.INK, ms=9 if mark == "o" else 15)
            axis.annotate(
                name,
                spot,
                (0, 9) if mark == "*" else (0, -17),
                textcoords="offset points",
                ha="center",
                color="white",
                fontweight="bold",
                path_effects=_OUTLINED_LETTERS,
            )
        axis.set(xlabel="min_coverage_abs", xlim=(-0.5, most + 1), ylim=(-0.01, 1))
        axis.set_xticks(range(0, int(most) + 1, 4))
    axes[0].set_ylabel("min_coverage_frac")
    return drawn


# --- the quirks ----------------------------------------------------------------------------


def two_thresholds() -> Figure:
    """Return which of the two sets the threshold, in clusters from 8 to 40 frames."""
    tile = _noise((120, 160))
    decides = (
        ("min_coverage_abs", "abs decides", style.VERMILLION),
        ("min_coverage_frac", "frac decides", style.BLUE),
    )
    clusters_of = np.arange(8, 41, 2)
    drawn, axes = style.figure(2, 3.3)
    for axis, least in zip(axes, (3.0, 12.0), strict=True):
        seen = []
        for most in clusters_of:
            # Half of it well covered, half of it not: the mask is never a guard's.
            covered = np.ones((120, 160), dtype=np.float32)
            covered[:, 80:] = most
            parameters = replace(NO_MARGIN, min_coverage_abs=least)
            seen.append(zc.mask_tile(tile, parameters, coverage=covered))
        axis.axhline(least, color="#bbbbbb", lw=1)
        axis.plot(clusters_of, DEFAULTS.min_coverage_frac * clusters_of, color="#bbbbbb", lw=1)
        for rule, name, colour in decides:
            mine = [index for index, each in enumerate(seen) if each.threshold_rule == rule]
            used = [seen[index].threshold for index in mine]
            axis.plot(clusters_of[mine], used, "o", color=colour, label=name)
        axis.set(xticks=range(8, 41, 8), yticks=range(0, 21, 4), ylim=(0, 21))
        axis.set(xlabel="frames on the best-covered pixel")
        axis.set_title(f"abs {least:g}, frac {DEFAULTS.min_coverage_frac:g}")
    axes[0].set_ylabel("threshold used, frames")
    axes[1].legend(loc="upper left")
    return drawn


def repeated_frames() -> Figure:
    """Return three frames, how ZeMosaic counts them, and what two thresholds keep."""
    turned = (Night(sweep_deg=80),)
    study = clusters.study(replace(clusters.SMALL, n_frames=3, nights=turned), "padded")
    assert study.coverage is not None
    # Two of the three count twice, so each count stands for one number of frames.
    frames = np.array([0, 1, 1, 2, 2, 3], dtype=np.float32)[study.coverage.astype(int)]
    drawn, ((there, counted, *kept), (there_bar, counted_bar, *below)) = style.figure(
        4, 2.9, rows=2, heights=(1, 0.06)
    )
    for axis, bar, counts, title in (
        (there, there_bar, frames, "Frames there"),
        (counted, counted_bar, study.coverage, "As ZeMosaic counts"),
    ):
        shown = _show_coverage(axis, counts, title)
        drawn.colorbar(shown, cax=bar, orientation="horizontal", ticks=range(int(counts.max()) + 1))
    for axis, least in zip(kept, (3.0, 4.0), strict=True):
        outcome = zc.apply_mask(study, replace(NO_MARGIN, min_coverage_abs=least))
        title = f"abs {least:g}: from {outcome.threshold:g} of {study.coverage.max():g}"
        style.show_kept(axis, study.coverage > 0, outcome.opaque, title=title)
    for axis in below:
        style.as_picture(axis)
    style.legend_of_kept(drawn, "kept", "hidden by the mask", "no frame there")
    return drawn


def opening() -> Figure:
    """Return what the opening leaves of specks and bridges, for four values."""
    shape = (60, 96)
    covered = np.full(shape, 2, dtype=np.float32)
    covered[8:52, 6:30] = 8
    covered[12:48, 62:90] = 8
    for row, width in ((16, 1), (27, 2), (38, 3)):
        covered[row : row + width, 30:62] = 8
    specks = np.random.default_rng(4).uniform(size=shape) > 0.975
    covered[specks & (covered < 3)] = 4
    for y, x in ((4, 36), (55, 56)):
        covered[y - 1 : y + 2, x] = covered[y, x - 1 : x + 2] = 5
    drawn, axes = style.figure(2, 5.4, rows=2)
    for axis, size in zip(axes.flat, (0, 1, 2, 50), strict=True):
        good, _ = zc.alpha_from_coverage(covered, replace(NO_MARGIN, morph_open_px=size))
        what = {0: "no opening", 1: "a cross of 5 px", 2: "a 3×3 square", 50: "the same square"}
        title = f"morph_open_px {size}: {what[size]}\nkeeps {np.count_nonzero(good)} px"
        style.show_kept(axis, covered > 0, good, title=title)
    style.legend_of_kept(drawn, "kept", "hidden by the mask")
    return drawn


def inset() -> Figure:
    """Return alpha along a line inwards, for pairs of margin and decay."""
    side = 600
    covered = np.zeros((side, side), dtype=np.float32)
    covered[50:-50, 50:-50] = 8
    drawn, (ramps, same) = style.figure(2, 3.3, widths=(1.35, 1))
    pairs = ((5.0, 0.15, style.BLUE), (5.0, 1.0, style.HIDDEN), (9.3, 1.0, style.VERMILLION))
    distance = np.arange(1, 71)
    for margin, decay, colour in pairs:
        parameters = replace(DEFAULTS, margin_percent=margin, decay=decay)
        _, alpha = zc.alpha_from_coverage(covered, parameters)
        row = alpha[side // 2, 49 + distance]
        hidden = int(np.count_nonzero(row < 0.5))
        ramps.plot(distance, row, color=colour, label=f"{margin:g} %, decay {decay:g}")
        ramps.plot(hidden + 1, row[hidden], "o", color=colour)
        assert hidden == inset_px((side, side), margin, decay)
        same.barh(f"{margin:g} %\ndecay {decay:g}", hidden, color=colour, height=0.55)
        same.text(hidden + 0.5, f"{margin:g} %\ndecay {decay:g}", f"{hidden} px", va="center")
    ramps.axhline(0.5, color="#888888", lw=0.8, ls=":")
    ramps.text(68, 0.52, "kept from here on", ha="right", color="#555555", fontsize=9)
    ramps.set(xlabel="pixels inwards from the rim of what is kept", ylabel="alpha")
    ramps.set_title("Alpha rises inwards …")
    ramps.legend(loc="lower right")
    same.set(xlim=(0, 36), xlabel="pixels that the rim loses")
    same.invert_yaxis()
    same.set_title("… the saved tile knows one inset")
    return drawn


def nanize() -> Figure:
    """Return the opaque empty pixels that a high threshold makes."""
    study = clusters.sample()
    assert study.tile is not None and study.coverage is not None
    limits = np.round(np.arange(0, 0.99, 0.02), 3)
    counts = []
    for limit in limits:
        outcome = zc.apply_mask(study, replace(DEFAULTS, nanize_threshold=float(limit)))
        assert outcome.alpha is not None
        counts.append(np.count_nonzero(outcome.opaque & (outcome.alpha <= limit)))
    drawn, axes = style.figure(3, 3.0, widths=(1, 1, 1.3))
    for axis, limit in zip(axes, (0.001, 0.9), strict=False):
        outcome = zc.apply_mask(
            study, replace(DEFAULTS, margin_percent=12.0, nanize_threshold=limit)
        )
        left = np.isfinite(zc.masked_tile(study.tile, outcome)).all(axis=2)
        window = np.s_[90:430, 120:460]
        style.show_kept(
            axis, left[window], outcome.opaque[window], title=f"nanize_threshold\n{limit:g}"
        )
    axes[2].plot(limits, counts, color=style.HARM)
    axes[2].axvline(0.5, color="#888888", lw=0.8, ls=":")
    axes[2].set(xlabel="nanize_threshold", ylabel="opaque pixels without data")
    axes[2].set_title("of the sample, margin 5 %")
    style.legend_of_kept(drawn, "kept", "hidden by the mask", "opaque, but empty", "nothing there")
    return drawn


def relaxed_abs() -> Figure:
    """Return the threshold that is used against the one asked for, for small clusters."""
    tile = _noise((120, 160))
    drawn, axes = style.figure(4, 2.6)
    for axis, most in zip(axes, (4, 5, 6, 7), strict=True):
        # Columns of equal width with 1, 2, ... frames: a cluster in small.
        columns = 1 + np.arange(160) * most // 160
        covered = np.tile(columns.astype(np.float32), (120, 1))
        asked = np.arange(1, most + 1)
        used = [
            zc.mask_tile(
                tile, replace(NO_MARGIN, min_coverage_abs=float(each)), coverage=covered
            ).threshold
            for each in asked
        ]
        axis.plot(asked, asked, color="#bbbbbb", lw=1)
        axis.plot(asked, used, "o-", color=style.BLUE)
        last = used[-1]
        lowered = last < most
        axis.plot(most, last, "o", color=style.HARM if lowered else style.BLUE, ms=9)
        axis.set(
            xticks=range(1, most + 1), yticks=range(1, 8), ylim=(0.6, 7.4), xlabel="abs asked for"
        )
        axis.set_title(f"most frames: {most}")
    axes[0].set_ylabel("threshold used")
    return drawn


def rule_of_98() -> Figure:
    """Return how a strip that is too narrow makes the mask be discarded."""
    shape = (480, 640)
    tile = _noise(shape)
    widths = np.arange(4, 25)
    drawn, axes = style.figure(3, 2.7, widths=(1, 1, 2))
    seen: dict[int, zc.MaskOutcome] = {}
    for width in widths:
        covered = np.full(shape, 8, dtype=np.float32)
        covered[:, :width] = 1
        seen[int(width)] = zc.mask_tile(tile, NO_MARGIN, coverage=covered)
    corner_of_tile = np.s_[:60, :60]
    for axis, width in zip(axes, (12, 13), strict=False):
        outcome = seen[width]
        opaque = outcome.opaque[corner_of_tile]
        title = f"strip of {width} px:\n{outcome.source} mask"
        style.show_kept(axis, np.ones(opaque.shape, bool), opaque, title=title)
    for source in ("coverage", "low-signal"):
        mine = [w for w in widths if seen[int(w)].source == source]
        shares = [100 * float(1 - seen[int(w)].opaque.mean()) for w in mine]
        axes[2].plot(mine, shares, "o", color=style.SOURCE_COLOURS[source], label=f"{source} mask")
    axes[2].axhline(2, color="#888888", lw=0.8, ls=":")
    axes[2].text(4, 2.1, "2 % of the tile", color="#555555", fontsize=9)
    axes[2].set(xlabel="width of the badly covered strip, px", ylabel="hidden, % of the tile")
    axes[2].legend()
    style.legend_of_kept(drawn, "kept", "hidden by the mask")
    return drawn


def jumps() -> Figure:
    """Return what a shrinking core does to a tile with empty padding."""
    side, frame = 800, zc.Rect(160, 80, 640, 720)
    bare = np.zeros((side, side), dtype=np.float32)
    bare[frame.slices] = 1
    tile = np.where(bare[..., None] > 0, _noise((side, side)), np.float32(np.nan))
    halves = np.arange(40, 241, 10)
    seen: dict[int, zc.MaskOutcome] = {}
    for half in halves:
        covered = bare.copy()
        covered[400 - half : 400 + half, 400 - half : 400 + half] = 8
        seen[int(half)] = zc.mask_tile(tile, DEFAULTS, coverage=covered)
    drawn, axes = style.figure(4, 2.9, widths=(1, 1, 1, 1.75))
    for axis, half in zip(axes, (200, 110, 60), strict=False):
        outcome = seen[half]
        said = "mask dropped" if outcome.source == "dropped" else f"{outcome.source} mask"
        style.show_kept(axis, bare > 0, outcome.opaque, title=f"core of {2 * half} px\n{said}")
    names = {"coverage": "coverage mask", "dropped": "mask dropped", "low-signal": "low-signal"}
    for source, name in names.items():
        mine = [h for h in halves if seen[int(h)].source == source]
        shares = [100 * float(seen[int(h)].opaque.mean()) for h in mine]
        colour = style.SOURCE_COLOURS[source]
        axes[3].plot([2 * h for h in mine], shares, "o", color=colour, label=name)
    axes[3].set(xlabel="side of the core, px", ylabel="opaque, % of the canvas", ylim=(0, 112))
    axes[3].invert_xaxis()
    axes[3].set_title("stricter →")
    axes[3].legend(loc="upper left", bbox_to_anchor=(0, 0.9))
    style.legend_of_kept(drawn, "kept", "hidden by the mask", "no frame there", "opaque, but empty")
    return drawn


def low_signal() -> Figure:
    """Return the holes that the low-signal mask makes in pure noise."""
    shape = (480, 640)
    tile = _noise(shape)
    alpha = low_signal_mask(tile, DEFAULTS)
    vignetted = tile - 60 * np.abs(np.linspace(-1, 1, shape[1]))[None, :, None] ** 8
    of_dark_sides = low_signal_mask(vignetted, DEFAULTS)
    drawn, (noise, dark) = style.figure(2, 3.5)
    for axis, each, title in (
        (noise, alpha, "Pure noise: random holes along the border"),
        (dark, of_dark_sides, "Sides 60 ADU darker, same noise"),
    ):
        lost = float(np.mean(each < 0.5))
        shown = axis.imshow(each, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        style.as_picture(axis, f"{title}\nthe saved tile loses {lost:.1%}", framed=True)
    bar = drawn.colorbar(shown, ax=(noise, dark), shrink=0.8)
    bar.set_label("alpha")
    return drawn


def radial() -> Figure:
    """Return the radial mask for three pairs of margin and decay."""
    drawn, axes = style.figure(3, 2.2)
    for axis, (margin, decay) in zip(axes, ((5, 0.15), (20, 0.15), (20, 1)), strict=True):
        alpha = radial_mask((480, 640), replace(DEFAULTS, margin_percent=margin, decay=decay))
        shown = axis.imshow(alpha, cmap="gray", vmin=0, vmax=1)
        style.as_picture(axis, f"margin {margin:g} %, decay {decay:g}", framed=True)
    drawn.colorbar(shown, ax=axes, shrink=0.75, ticks=(0, 0.5, 1)).set_label("alpha")
    return drawn


def strict_crop() -> Figure:
    """Return a strict crop that is done, and a stricter one that is refused."""
    study = clusters.study(clusters.SMALL, "padded")
    assert study.coverage is not None
    drawn, axes = style.figure(2, 4.3)
    for axis, margin in zip(axes, (5.0, 20.0), strict=True):
        outcome = zc.apply_mask(study, replace(DEFAULTS, margin_percent=margin))
        height, width = outcome.saved_rect.height, outcome.saved_rect.width
        said = "cropped" if outcome.strict_crop is not None else "the crop is refused"
        title = f"margin {margin:g} %: {said}\nsaved tile {width}×{height} px"
        style.show_kept(axis, study.coverage > 0, outcome.opaque, outcome.saved_rect, title)
        style.draw_rect(axis, outcome.saved_rect)
    style.legend_of_kept(drawn, "kept", "hidden by the mask", "no frame there")
    return drawn


def padding() -> Figure:
    """Return the same cluster on both canvases, and the margin that follows from each."""
    drawn, axes = style.figure(2, 4.6)
    padded = clusters.study(clusters.sample_settings(), "padded").canvas
    for axis, canvas in zip(axes, ("reference", "padded"), strict=True):
        study = clusters.study(clusters.sample_settings(), canvas)
        assert study.coverage is not None
        outcome = zc.apply_mask(study, DEFAULTS)
        height, width = study.canvas.shape
        margin = margin_in_pixels(study.canvas.shape, DEFAULTS.margin_percent)
        rim = inset_px(study.canvas.shape, DEFAULTS.margin_percent, DEFAULTS.decay)
        title = (
            f"{canvas} canvas, {width}×{height}:\n"
            f"margin 5 % = {margin:g} px, the rim loses {rim} px"
        )
        style.show_kept(axis, study.coverage > 0, outcome.opaque, title=title)
        # Both on one scale, and where they belong.
        y, x = (0, 0) if study.canvas.padded else padded.offset
        axis.images[0].set_extent((x - 0.5, x + width - 0.5, y + height - 0.5, y - 0.5))
        axis.set(xlim=(-8, padded.shape[1] + 8), ylim=(padded.shape[0] + 8, -8))
    style.legend_of_kept(drawn, "kept", "hidden by the mask", "no frame there")
    return drawn


def upside_down() -> Figure:
    """Return the coverage as meant, and as it comes out of a footprint read upside down."""
    study = clusters.sample()
    assert study.coverage is not None and study.tile is not None
    shipped = np.zeros_like(study.coverage)
    y, x = study.canvas.offset
    height, width = study.canvas.frame_shape
    # Of each aligned frame only the part where it has no data is kept: nothing. The reference,
    # which is not aligned, stays.
    shipped[y : y + height, x : x + width] = 1
    tried = (
        ((3.0, 0.5, 3), "white", "-"),
        ((1.0, 0.2, 1), "#ff9d9d", "--"),
        ((9.0, 0.9, 0), style.HIDDEN, ":"),
    )
    drawn, axes = style.figure(2, 4.4)
    for axis, title, each in zip(
        axes, ("As meant", "As shipped"), (study.coverage, shipped), strict=True
    ):
        most = f"{each.max():g} frame{'s' if each.max() > 1 else ''}"
        axis.imshow(each, cmap="viridis", vmin=0, vmax=16, interpolation="nearest")
        for (least, share, size), colour, dash in tried:
            parameters = replace(
                DEFAULTS, min_coverage_abs=least, min_coverage_frac=share, morph_open_px=size
            )
            kept = zc.mask_tile(study.tile, parameters, coverage=each).opaque
            edge = axis.contour(kept, [0.5], colors=colour, linestyles=dash, linewidths=2)
            edge.set_path_effects(_OUTLINED)
        style.as_picture(axis, f"{title}: at most {most} on a pixel")
    handles = [
        Line2D([], [], color=colour, ls=dash, lw=2, path_effects=_OUTLINED)
        for _, colour, dash in tried
    ]
    labels = [f"abs {a:g}, frac {f:g}, opening {m}" for (a, f, m), _, _ in tried]
    drawn.legend(handles, labels, loc="outside lower left", ncols=3)
    return drawn


def corner() -> Figure:
    """Return the ramp in the corner of a tile that is well covered everywhere."""
    shape = (480, 640)
    full = np.full(shape, 8, dtype=np.float32)
    outcome = zc.mask_tile(_noise(shape), replace(DEFAULTS, margin_percent=20.0), coverage=full)
    assert outcome.alpha is not None
    drawn, (graded, kept) = style.figure(2, 3.5)
    graded.imshow(outcome.alpha, cmap="gray", vmin=0, vmax=1)
    style.as_picture(graded, "alpha: 8 frames everywhere, margin 20 %", framed=True)
    lost = float(1 - outcome.opaque.mean())
    style.show_kept(
        kept, full > 0, outcome.opaque, title=f"{outcome.source} mask: hides {lost:.1%}"
    )
    style.legend_of_kept(drawn, "kept", "hidden by the mask")
    return drawn


def quality_crop() -> Figure:
    """Return what the quality crop leaves, and the mask that is then made of it."""
    study = clusters.study(clusters.SMALL, "reference")
    assert study.coverage is not None and study.tile is not None
    rect = zc.quality_crop(np.nan_to_num(study.tile))
    covered = study.coverage[rect.slices]
    outcome = zc.mask_tile(study.tile[rect.slices], DEFAULTS, coverage=covered)
    assert outcome.alpha is not None
    drawn, (whole, after) = style.figure(2, 3.5)
    _show_coverage(whole, study.coverage, "coverage, and what the quality crop leaves of it")
    style.draw_rect(whole, rect)
    enough = float(np.mean(covered >= 5))
    after.imshow(outcome.alpha, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    title = f"{enough:.1%} of that is well covered:\n{outcome.source} mask, with its holes"
    style.as_picture(after, title, framed=True)
    return drawn


PICTURES = (
    coverage,
    threshold,
    fringe,
    landscape,
    saved_yes_or_no,
    two_thresholds,
    repeated_frames,
    opening,
    inset,
    nanize,
    relaxed_abs,
    rule_of_98,
    jumps,
    low_signal,
    radial,
    strict_crop,
    padding,
    upside_down,
    corner,
    quality_crop,
)
