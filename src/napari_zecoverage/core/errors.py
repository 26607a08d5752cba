"""Every error that this package raises on purpose.

A message names the file or the field, says what was expected, and what to do.
The window and the command line show ``str(error)`` and nothing else.
"""

from __future__ import annotations

from os import PathLike


class ZecoverageError(Exception):
    """Base of every error of this package."""


class ParameterError(ZecoverageError, ValueError):
    """A setting is not a number, or out of its range.

    Attributes
    ----------
    field : str
        The name of the setting.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class FileError(ZecoverageError):
    """Something is wrong with one file.

    Attributes
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str | PathLike[str], message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = str(path)
        self.reason = message


class FrameError(FileError):
    """A frame cannot be used."""


class FrameUnreadableError(FrameError):
    """A frame's file is missing, damaged, truncated, or not a frame at all."""


class FrameShapeError(FrameError):
    """A frame is readable, but its axes are not those of a picture that ZeMosaic takes."""


class FrameTooLargeError(FrameError):
    """A frame's header promises more pixels than this package is willing to load."""


class ClusterError(ZecoverageError):
    """No cluster can be made from what was given."""


class RunFolderError(FileError):
    """A ZeMosaic output folder, or a GRID plan, cannot be used."""


class StudyError(ZecoverageError):
    """A cluster cannot be studied."""


class JudgedClusterError(ZecoverageError, ValueError):
    """The kept figures of a judged cluster cannot be read."""


class StudyCancelledError(ZecoverageError):
    """The user asked to stop; nothing was kept."""


class CoverageError(ZecoverageError, ValueError):
    """A coverage map that no mask can be made from."""


class ConfigError(FileError):
    """ZeMosaic's config cannot be read or written."""


class ConfigNotFoundError(ConfigError):
    """There is no config at that place."""


class ConfigFormatError(ConfigError):
    """The file is not a JSON object."""


class ConfigChangedError(ConfigError):
    """The config changed on disk since it was read."""


class ConfigWriteError(ConfigError):
    """The config cannot be written; the file is as it was."""


class OutputError(FileError):
    """A result cannot be written."""


class InTheWayError(OutputError):
    """What is there already gives way only when that is asked for; the message ends with it."""


def reason_of(error: BaseException) -> str:
    """Return what went wrong in the system's words, without the path that a message has already."""
    return getattr(error, "strerror", None) or str(error)
