"""What a header says of the observation."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from frame_files import write
from numpy.typing import NDArray

from napari_zecoverage.core.frames import look_at_frame
from napari_zecoverage.core.header_words import mount_of_word


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
