"""A disk that fails, or a process that dies, at any step of a write."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from configs import AS_ZEMOSAIC_WRITES, TUNED, put

from napari_zecoverage.zemosaic import config_swap
from napari_zecoverage.zemosaic.config import CONFIG_NAME
from napari_zecoverage.zemosaic.config_writing import write_config


class Trouble:
    """Count the steps of a write, the calls that touch the disk, and fail at one of them."""

    def __init__(self, at: int, make: Callable[[], None]) -> None:
        self.at, self.count, self.make = at, 0, make

    def step(self) -> None:
        self.count += 1
        if self.count == self.at:
            self.make()

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            self.step()
            return call(*arguments, **named)

        return called

    def open(self, path: Path, mode: str) -> Any:
        self.step()
        return HalfWritten(open(path, mode), self)

    def install(self, put_in: Callable[[Any, str, Any], None]) -> None:
        put_in(config_swap, "open", self.open)
        for owner, name in (
            (os, "fsync"),
            (os, "replace"),
            (os, "chown"),
            (os, "access"),
            (os, "open"),
            (shutil, "copymode"),
            (config_swap, "free_backup_name"),
            (Path, "iterdir"),
            (Path, "unlink"),
        ):
            if hasattr(owner, name):
                put_in(owner, name, self.before(getattr(owner, name)))


class HalfWritten:
    """A file whose trouble comes in the middle of what is written to it."""

    def __init__(self, handle: Any, trouble: Trouble) -> None:
        self.handle, self.trouble = handle, trouble

    def __enter__(self) -> HalfWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self.handle.close()

    def write(self, content: bytes) -> None:
        half = len(content) // 2
        self.handle.write(content[:half])
        self.handle.flush()
        self.trouble.step()
        self.handle.write(content[half:])

    def flush(self) -> None:
        self.trouble.step()
        self.handle.flush()

    def fileno(self) -> int:
        return int(self.handle.fileno())


def make_old_backups(folder: Path) -> None:
    for hour in range(6):
        put(folder / f"{CONFIG_NAME}.2020-01-01T0{hour}-00-00.000000Z.bak", AS_ZEMOSAIC_WRITES)


def full_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt() -> None:
    raise KeyboardInterrupt


def write_and_die_at_each_step(folder: Path) -> None:
    """Run in a process of its own: export in a child for each step, killed there."""
    for at in range(1, 100):
        child = os.fork()
        if child == 0:
            Trouble(at, lambda: os._exit(9)).install(setattr)
            write_config(folder / str(at), TUNED)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            print(at)
            return


if __name__ == "__main__":
    write_and_die_at_each_step(Path(sys.argv[1]))
