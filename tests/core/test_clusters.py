"""Clusters: which frames belong together, and what the user is told of them."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ClusterError
from napari_zecoverage.core.found_clusters import find_frame_clusters
from napari_zecoverage.core.frames import FrameInfo
from studies import make_frame, write_frame

Direction = tuple[float, float, float]
EVENING = datetime(2025, 3, 26, 21, tzinfo=UTC)


def info(number: int = 0, **changes: object) -> FrameInfo:
    frame = make_frame(
        number,
        path=Path(f"/frames/{number:04d}.fit"),
        shape=(6, 8),
        date=EVENING + timedelta(seconds=10 * number),
        mount="UNKNOWN",
        size_bytes=100,
        mtime_ns=200,
    )
    return replace(frame, **changes)


def cluster(*frames: FrameInfo) -> Cluster:
    return Cluster("made up", frames)


def pointing(*directions: Direction | None) -> Cluster:
    return cluster(*(info(number, direction=way) for number, way in enumerate(directions)))


def on_the_sky(ra: float, dec: float) -> Direction:
    a, d = np.radians(ra), np.radians(dec)
    return float(np.cos(d) * np.cos(a)), float(np.cos(d) * np.sin(a)), float(np.sin(d))


# Made of files


def test_the_real_frames_are_one_cluster(real_frames: list[Path]) -> None:
    [found] = find_frame_clusters(real_frames[0].parent)
    assert found.name == "m94"
    assert [frame.path for frame in found.frames] == real_frames
    assert found.shape == (1920, 1080)
    assert found.filters == {"IRCUT": 12}
    # Both halves lie between one noon and the next, in UTC; the pause parts them.
    assert found.nights == {date(2025, 3, 26): 12}
    assert list(found.series.values()) == [6, 6]
    assert {frame.bayer_pattern for frame in found.frames} == {"GRBG"}
    assert found.exposure_s == pytest.approx(120)
    assert found.reference_index == 0
    assert found.counted == tuple(range(12))
    assert found.left_out == ()
    assert found.listing == (
        "12 frames, 1 night (2025-03-26) in 2 series (2025-03-27 01:20 UTC: 6; "
        "2025-03-27 05:45 UTC: 6), filter IRCUT, mount unknown, 120 s in all"
    )


def test_files_are_sorted_and_taken_once(tmp_path: Path) -> None:
    first, second = write_frame(tmp_path / "n" / "a.fit"), write_frame(tmp_path / "n" / "b.fit")
    made = Cluster.from_files([second, first, str(second), tmp_path / "n" / ".." / "n" / "b.fit"])
    assert [frame.path for frame in made.frames] == [first, second]
    assert f"{second} was given 3 times; it is taken once." in made.notes
    assert made.name == "n"
    assert made.left_out == ()


def test_a_link_to_a_frame_is_the_same_frame(tmp_path: Path) -> None:
    frame = write_frame(tmp_path / "a.fit")
    (tmp_path / "b.fit").symlink_to(frame)
    made = Cluster.from_files([frame, tmp_path / "b.fit"])
    assert len(made.frames) == 1
    assert any("given 2 times" in note for note in made.notes)


def test_bad_files_are_left_out_with_a_reason(tmp_path: Path) -> None:
    good = [write_frame(tmp_path / f"{name}.fit") for name in "abc"]
    text = tmp_path / "notes.fit"
    text.write_text("no frame " * 40)
    missing = tmp_path / "missing.fit"
    made = Cluster.from_files([missing, *good, text], name="mine")
    assert made.name == "mine"
    assert [frame.path for frame in made.frames] == good
    assert [path for path, _ in made.left_out] == [str(missing), str(text)]
    assert "no such file" in made.left_out[0][1]
    assert "not a FITS file" in made.left_out[1][1]
    assert made.listing.endswith("2 left out")


def test_frames_of_another_shape_are_left_out(tmp_path: Path) -> None:
    paths = [
        write_frame(tmp_path / "a.fit", (9, 8)),
        write_frame(tmp_path / "b.fit", (6, 8)),
        write_frame(tmp_path / "c.fit", (6, 8)),
        write_frame(tmp_path / "d.fit", (3, 6, 8)),
    ]
    missing = tmp_path / "missing.fit"
    made = Cluster.from_files([missing, *paths])
    assert made.shape == (6, 8)
    assert [frame.path for frame in made.frames] == paths[1:]
    [(path, reason), (other, _)] = made.left_out
    assert other == str(missing)
    assert path == str(paths[0])
    assert "8 × 9 pixels" in reason
    assert "8 × 6" in reason


def test_of_equally_common_shapes_the_first_is_taken(tmp_path: Path) -> None:
    paths = [write_frame(tmp_path / f"{n}.fit", (9, 8) if n % 2 else (6, 8)) for n in range(4)]
    assert Cluster.from_files(paths).shape == (6, 8)
    assert Cluster.from_files(paths[1:]).shape == (9, 8)


def test_nothing_left_is_an_error_that_says_what_was_tried(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.fit" for number in range(8)]
    with pytest.raises(ClusterError) as caught:
        Cluster.from_files(paths)
    message = str(caught.value)
    assert "None of 8 files" in message
    assert f"{paths[0]}: there is no such file." in message
    assert "and 3 more" in message


def test_no_files_are_an_error() -> None:
    with pytest.raises(ClusterError, match="No files were given"):
        Cluster.from_files([])


def test_names(tmp_path: Path) -> None:
    first, second = write_frame(tmp_path / "one" / "a.fit"), write_frame(tmp_path / "two" / "b.fit")
    assert Cluster.from_files([first]).name == "a.fit"
    assert Cluster.from_files([first, second]).name == "cluster"
    assert Cluster.from_files(str(first)).name == "a.fit"


def test_the_identity_changes_with_the_file(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "a.fit")
    before = Cluster.from_files([path]).identity
    assert Cluster.from_files([path]).identity == before
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    changed = Cluster.from_files([path]).identity
    assert changed != before
    path.write_bytes(path.read_bytes() + bytes(2880))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    assert Cluster.from_files([path]).identity not in (before, changed)
    assert str(path) in before[0]


def test_frames_that_were_looked_at_before_make_a_cluster() -> None:
    other = info(9, shape=(9, 8))
    made = Cluster.from_frames(
        [info(2), other, info(1)], "mine", left_out=[("/z.fit", "bad.")], notes=["Told before."]
    )
    assert made.frames == (info(1), info(2))
    assert [path for path, _ in made.left_out] == [str(other.path), "/z.fit"]
    assert made.notes[0] == "Told before."
    assert (made.tile_id, made.missing, made.master_tile, made.run_folder) == (None, (), None, None)
    with pytest.raises(ClusterError, match=r"/z\.fit: bad"):
        Cluster.from_frames([], "mine", left_out=[("/z.fit", "bad.")])


def test_the_identity_of_a_cached_frame_is_its_caches_and_its_headers() -> None:
    cached = info(0, pixels_path=Path("/o/a.npy"), wcs_header="CRVAL1  = 1")
    assert cached.source == Path("/o/a.npy")
    assert info(0).source == info(0).path
    [identity] = cluster(cached).identity
    assert identity.startswith("/o/a.npy|100|200|")
    assert cluster(replace(cached, wcs_header="CRVAL1  = 2")).identity != (identity,)
    assert cluster(info(0)).identity != (identity,)


def test_missing_frames_are_counted_in_the_listing() -> None:
    lacking = replace(cluster(info()), missing=(("/a.fit", "gone."), ("/b.fit", "gone.")))
    assert lacking.listing.endswith("10 s in all, 2 missing")


# Without a frame


def given_and_told(*frames: FrameInfo, given: tuple[str, ...] = ("Told by the run.",)) -> Cluster:
    return Cluster.from_frames(frames, "mine", left_out=[("/z.fit", "bad.")], notes=given)


def test_a_cluster_without_a_frame() -> None:
    whole = replace(given_and_told(*map(info, range(6))), tile_id=3, run_folder=Path("/run"))
    fewer = whole.without(2)
    assert fewer.frames == (*whole.frames[:2], *whole.frames[3:])
    assert fewer.left_out == (("/z.fit", "bad."), (str(whole.frames[2].path), "left out by hand"))
    assert (fewer.name, fewer.tile_id, fewer.run_folder) == ("mine", 3, Path("/run"))
    assert len(whole.frames) == 6
    assert whole.without(-1).frames == whole.frames[:-1]


def test_without_a_frame_the_notes_are_those_of_the_frames_left() -> None:
    pointed = {"direction": on_the_sky(10, 40)}
    frames = [info(number, **pointed) for number in range(4)]
    odd = info(4, direction=None, night=date(2025, 3, 28), filter="LP", pixels_path=Path("/c.npy"))
    whole = given_and_told(*frames, odd)
    said = "\n".join(whole.notes)
    for words in (
        "several nights",
        "1 of 5 frames without",
        "several filters",
        "1 of 5 frames are",
    ):
        assert words in said
    fewer = whole.without(4)
    assert fewer == replace(
        given_and_told(*frames),
        left_out=(("/z.fit", "bad."), (str(odd.path), "left out by hand")),
    )
    assert [note.split(" ")[0] for note in fewer.notes] == ["Told", "ZeMosaic"]
    assert "repeats the frames of a cluster of under 5" in fewer.notes[1]
    assert "1 of 4 frames without" in "\n".join(whole.without(0).notes)
    assert "One frame alone" in "\n".join(fewer.without(0).without(0).without(0).notes)


def test_without_a_frame_the_notes_that_were_given_are_kept() -> None:
    whole = given_and_told(*map(info, range(6)), given=("First.", "Second."))
    # As what is known of a run as a whole is put behind what its first cluster tells.
    whole = replace(whole, notes=(*whole.notes, "Of the run."))
    given = ("First.", "Second.", "Of the run.")
    assert whole.without(0).notes[:3] == given
    assert whole.without(0).without(0).notes[:3] == given
    assert whole.without(0).without(0).without(0).notes.count("First.") == 1


def test_the_only_frame_cannot_be_left_out() -> None:
    with pytest.raises(ClusterError, match=r"0000\.fit is the cluster's only frame"):
        cluster(info()).without(0)
    with pytest.raises(IndexError):
        cluster(info(0), info(1)).without(2)


# What a cluster tells


def test_nights_filters_and_mounts_are_told_apart() -> None:
    frames = [info(n) for n in range(3)]
    later = EVENING + timedelta(days=2)
    frames += [
        info(3, date=later, night=date(2025, 3, 28), filter="LP", mount="EQ"),
        info(4, date=None, night=None, filter=None, exposure_s=None),
    ]
    mixed = cluster(*frames)
    assert mixed.nights == {date(2025, 3, 26): 3, date(2025, 3, 28): 1}
    assert mixed.filters == {"IRCUT": 3, "LP": 1}
    assert mixed.mounts == {"EQ": 1, "UNKNOWN": 4}
    assert mixed.exposure_s == 40
    assert mixed.listing == (
        "5 frames, 2 nights (2025-03-26: 3, 2025-03-28: 1, not told: 1), "
        "filters IRCUT: 3, LP: 1, not told: 1, mount equatorial: 1; mount unknown: 4, 40 s in all"
    )


def test_a_frame_that_tells_nothing_is_listed() -> None:
    silent = cluster(info(date=None, night=None, filter=None, exposure_s=None, mount="ALT_AZ"))
    assert (silent.nights, silent.filters, silent.exposure_s) == ({}, {}, None)
    assert silent.listing == "1 frame, no dates, mount Alt-Az"


def test_a_pause_of_more_than_an_hour_begins_a_series() -> None:
    minutes = [0, 60, 121, 122]
    frames = [info(n, date=EVENING + timedelta(minutes=m)) for n, m in enumerate(minutes)]
    assert cluster(*reversed(frames)).series == {
        EVENING: 2,
        EVENING + timedelta(minutes=121): 2,
    }


def test_notes(tmp_path: Path) -> None:
    cards = {"DATE__OBS": "2025-03-26T22:00:00", "FILTER": "LP"}
    paths = [write_frame(tmp_path / f"{n}.fit", **cards) for n in range(5)]

    def notes(*files: Path) -> str:
        return "\n".join(Cluster.from_files(files).notes)

    assert "One frame alone" in notes(paths[0])
    assert "repeats" in notes(*paths[:4])
    assert "alone" not in notes(*paths[:4])
    assert notes(*paths) == (
        "5 of 5 frames without a WCS that ZeMosaic accepts: it solves them first, and may then "
        "take another frame as the reference."
    )
    other = write_frame(tmp_path / "other.fit", DATE__OBS="2025-03-28T22:00:00", FILTER="IRCUT")
    assert "several nights" in notes(*paths, other)
    assert "several filters" in notes(*paths, other)
    late = write_frame(tmp_path / "late.fit", DATE__OBS="2025-03-27T03:00:00", FILTER="LP")
    assert "several series" in notes(*paths, late)


@pytest.mark.parametrize(
    ("count", "said"),
    [(128, ""), (129, "8.5 GB"), (224, "8.5 GB"), (225, "more than 224 frames in chunks")],
)
def test_the_notes_of_large_clusters(
    monkeypatch: pytest.MonkeyPatch, count: int, said: str
) -> None:
    files = [Path(f"/frames/{number:04d}.fit") for number in range(count)]
    monkeypatch.setattr(
        "napari_zecoverage.core.frame_search.look_at_frame", lambda path: info(0, path=path)
    )
    chunks = [note for note in Cluster.from_files(files).notes if "chunks" in note]
    assert len(chunks) == bool(said)
    assert said in "".join(chunks)


@pytest.mark.parametrize(
    ("count", "counted"),
    [
        (1, (0, 0, 0, 0, 0)),
        (2, (0, 1, 0, 1, 0)),
        (3, (0, 1, 2, 0, 1)),
        (4, (0, 1, 2, 3, 0)),
        (5, (0, 1, 2, 3, 4)),
        (6, (0, 1, 2, 3, 4, 5)),
    ],
)
def test_small_clusters_are_repeated_to_five(count: int, counted: tuple[int, ...]) -> None:
    assert cluster(*map(info, range(count))).counted == counted


# The reference


@pytest.mark.parametrize(
    ("directions", "reference"),
    [
        ([None, None, None], 0),
        ([on_the_sky(10, 40), on_the_sky(11, 40), on_the_sky(12, 40)], 1),
        ([None, on_the_sky(10, 40), None, on_the_sky(11, 40), on_the_sky(12, 40)], 3),
        ([on_the_sky(10, 40), on_the_sky(12, 40)], 0),
        ([on_the_sky(12, 40), on_the_sky(10, 40)], 0),
        ([None, on_the_sky(12, 40), on_the_sky(10, 40)], 1),
        # Right ascension wraps round: the middle of 359°, 0.2° and 2° is 0.4°.
        ([on_the_sky(359, 0), on_the_sky(2, 0), on_the_sky(0.2, 0)], 2),
        ([on_the_sky(10, 40), (float("nan"), 0.0, 1.0), on_the_sky(10.1, 40)], 0),
        ([(1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)], 0),
    ],
)
def test_the_reference_is_nearest_to_the_mean_direction(
    directions: list[Direction | None], reference: int
) -> None:
    assert pointing(*directions).reference_index == reference


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.tuples(st.floats(0, 360), st.floats(20, 60))),
        min_size=1,
        max_size=8,
    )
)
def test_no_frame_is_nearer_to_the_mean_than_the_reference(
    places: list[tuple[float, float] | None],
) -> None:
    ways = [None if place is None else on_the_sky(*place) for place in places]
    reference = pointing(*ways).reference_index
    pointed = [way for way in ways if way is not None]
    if not pointed:
        assert reference == 0
        return
    mean = np.mean(pointed, axis=0)
    nearness = [-2.0 if way is None else float(np.dot(way, mean)) for way in ways]
    assert ways[reference] is not None
    assert nearness[reference] >= max(nearness) - 1e-9
