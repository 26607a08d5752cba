"""What a header says of the observation."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from frame_files import write
from numpy.typing import NDArray

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.fits_headers import CardValue
from napari_zecoverage.core.frames import look_at_cached_frame, look_at_frame
from napari_zecoverage.core.header_words import longitude_of, mount_of_word, night_of


@pytest.mark.parametrize(
    ("text", "moment", "night"),
    [
        (
            "2025-03-27T01:20:32.955368",
            datetime(2025, 3, 27, 1, 20, 32, 955368, UTC),
            date(2025, 3, 26),
        ),
        ("2025-03-27T01:20:32Z", datetime(2025, 3, 27, 1, 20, 32, 0, UTC), date(2025, 3, 26)),
        ("2025-03-27T12:00:00", datetime(2025, 3, 27, 12, tzinfo=UTC), date(2025, 3, 27)),
        (
            "2025-03-27T11:59:59.9",
            datetime(2025, 3, 27, 11, 59, 59, 900000, UTC),
            date(2025, 3, 26),
        ),
        ("2025-03-27T03:00:00+02:00", datetime(2025, 3, 27, 1, tzinfo=UTC), date(2025, 3, 26)),
        ("2025-03-27", datetime(2025, 3, 27, tzinfo=UTC), date(2025, 3, 26)),
        ("0001-01-01T00:00:00", datetime(1, 1, 1, tzinfo=UTC), None),
        ("0001-01-01T00:00:00+09:00", None, None),
        ("yesterday", None, None),
        ("", None, None),
        (20250327.5, None, None),
        (True, None, None),
    ],
)
def test_dates_and_nights(
    tmp_path: Path, ramp: NDArray, text: object, moment: datetime | None, night: date | None
) -> None:
    info = look_at_frame(write(tmp_path / "a.fit", ramp, DATE__OBS=text))
    assert info.date == moment
    assert info.night == night


@pytest.mark.parametrize(
    ("longitude", "moments", "nights"),
    [
        # Tokyo, nine hours before UTC: 20:30 and 21:30 by the clock, and 04:30.
        (
            139.7,
            ["2025-03-26T11:30:00", "2025-03-26T12:30:00", "2025-03-26T19:30:00"],
            [date(2025, 3, 26)] * 3,
        ),
        # Los Angeles, eight hours after: 20:30, 04:30 and 05:30.
        (
            -118.25,
            ["2025-03-27T04:30:00", "2025-03-27T12:30:00", "2025-03-27T13:30:00"],
            [date(2025, 3, 26)] * 3,
        ),
        # Noon at 90° west is at 18 h UTC.
        (
            -90.0,
            ["2025-03-26T17:59:59", "2025-03-26T18:00:00"],
            [date(2025, 3, 25), date(2025, 3, 26)],
        ),
        (
            180.0,
            ["2025-03-26T23:59:59", "2025-03-27T00:00:00"],
            [date(2025, 3, 26), date(2025, 3, 27)],
        ),
    ],
)
def test_a_night_is_from_noon_to_noon_at_the_site(
    tmp_path: Path, ramp: NDArray, longitude: float, moments: list[str], nights: list[date]
) -> None:
    frames = [
        write(tmp_path / f"{number}.fit", ramp, DATE__OBS=moment, SITELONG=longitude)
        for number, moment in enumerate(moments)
    ]
    assert [look_at_frame(frame).night for frame in frames] == nights


def test_a_night_of_tokyo_is_one_night_to_a_cluster(tmp_path: Path, ramp: NDArray) -> None:
    cards = {"SITELONG": "139 41 30"}
    paths = [
        write(tmp_path / f"{hour}.fit", ramp, DATE__OBS=f"2025-03-26T{hour}:30:00", **cards)
        for hour in (11, 12)
    ]
    cluster = Cluster.from_files(paths)
    assert cluster.nights == {date(2025, 3, 26): 2}
    assert "night" not in "\n".join(cluster.notes)


def test_the_night_of_a_kept_cache_is_that_of_its_site(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 6, 3), np.float32))
    header = fits.Header({"DATE-OBS": "2025-03-26T11:30:00", "SITELONG": 139.7})
    text = header.tostring(sep="\n", endcard=False, padding=False)
    found = look_at_cached_frame("/gone/a.fit", tmp_path / "a.npy", text)
    assert found.night == date(2025, 3, 26)


def test_a_night_at_the_ends_of_the_calendar_is_none() -> None:
    assert night_of(datetime(9999, 12, 31, 20, tzinfo=UTC), 179.0) == date(9999, 12, 31)
    assert night_of(datetime(1, 1, 1, tzinfo=UTC), 170.0) is None
    assert night_of(None, 10.0) is None


@pytest.mark.parametrize(
    ("cards", "longitude"),
    [
        ({}, None),
        ({"SITELONG": -118.25}, -118.25),
        ({"SITELONG": 140}, 140),
        ({"SITELONG": 241.75}, -118.25),
        ({"SITELONG": 360}, 0),
        ({"SITELONG": 180.0}, 180),
        ({"OBSGEO-L": 8.5}, 8.5),
        ({"LONG-OBS": 8.5}, 8.5),
        ({"LONGITUD": 8.5}, 8.5),
        ({"SITELONG": "nowhere", "LONG-OBS": 8.5}, 8.5),
        ({"SITELONG": 9.5, "LONG-OBS": 8.5}, 9.5),
        ({"SITELONG": " -118.25 "}, -118.25),
        ({"SITELONG": "+8 30 00.00"}, 8.5),
        ({"SITELONG": "-118 15 36"}, -118.26),
        ({"SITELONG": "-118:15:36"}, -118.26),
        ({"SITELONG": "-00 30 00"}, -0.5),
        ({"SITELONG": "118 15 W"}, -118.25),
        ({"SITELONG": "008 30.0 e"}, 8.5),
        ({"SITELONG": "- 8 30"}, -8.5),
        *[
            ({"SITELONG": nonsense}, None)
            for nonsense in (
                *("", "W", "-", "8 60 00", "8 30 60", "8 30 30 30", "8-30", "8 N", "1e2"),
                *("nan", "999", "999 30", "-181", "9" * 60, 999.0, -181, 10**400),
                *(True, math.inf, math.nan),
            )
        ],
    ],
)
def test_longitudes(cards: dict[str, CardValue], longitude: float | None) -> None:
    found = longitude_of(cards)
    assert found == (longitude if longitude is None else pytest.approx(longitude))


@pytest.mark.parametrize(
    ("cards", "mount"),
    [
        ({}, "UNKNOWN"),
        *[({"EQMODE": word}, "EQ") for word in (1, "1", "EQ", "eq", " Equatorial ")],
        *[({"EQMODE": word}, "ALT_AZ") for word in (0, "0", "ALT_AZ", "alt-az", "Alt Az", "altaz")],
        *[({"EQMODE": word}, "UNKNOWN") for word in (2, "fork", "", True)],
        ({"HIERARCH MOUNT_MODE": "ALTAZ", "EQMODE": 1}, "ALT_AZ"),
        ({"HIERARCH MOUNT_MODE": "?", "EQMODE": 1}, "EQ"),
    ],
)
def test_mount_words(tmp_path: Path, ramp: NDArray, cards: dict[str, object], mount: str) -> None:
    assert look_at_frame(write(tmp_path / "a.fit", ramp, **cards)).mount == mount


@pytest.mark.parametrize(
    ("cards", "seconds"),
    [
        ({"EXPTIME": 10.0, "EXPOSURE": 20.0}, 10.0),
        ({"EXPOSURE": 20}, 20.0),
        ({"EXPTIME": "ten", "EXPOSURE": 20}, 20.0),
        ({"EXPTIME": -1.0}, None),
        ({"EXPTIME": True}, None),
        ({}, None),
    ],
)
def test_exposure(
    tmp_path: Path, ramp: NDArray, cards: dict[str, object], seconds: float | None
) -> None:
    assert look_at_frame(write(tmp_path / "a.fit", ramp, **cards)).exposure_s == seconds


@pytest.mark.parametrize(
    ("word", "mount"),
    [("1", "EQ"), (" eq ", "EQ"), ("Alt-Az", "ALT_AZ"), ("0", "ALT_AZ"), ("", None), ("2", None)],
)
def test_the_words_for_mounts(word: str, mount: str | None) -> None:
    assert mount_of_word(word) == mount
