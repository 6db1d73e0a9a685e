"""Files written whole or not at all. Owns modes and renames; knows nothing of what is in them."""

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tokmeter.errors import TokmeterError

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def ensure_directory(directory: Path, *, mode: int) -> None:
    """Makes `directory` with permission bits `mode` if it does not exist. Raises `TokmeterError` when it cannot."""
    try:
        directory.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise TokmeterError(
            f"the directory cannot be made: {error.strerror}",
            where=str(directory),
            hint="choose a directory that this user may write",
        ) from error


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds `directory` against other processes that use this function."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise TokmeterError(
            f"the directory cannot be opened: {error.strerror}",
            where=str(directory),
            hint="choose a directory that this user may read and write",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_atomically(file: Path, data: bytes, *, mode: int) -> None:
    """Writes `data` to `file` with permission bits `mode`; readers see the old content or the new, never a part."""
    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(descriptor, "wb") as handle:
                os.fchmod(handle.fileno(), mode)
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise TokmeterError(
            f"the file cannot be written: {error.strerror}",
            where=str(file),
            hint="free some space" if error.errno in _NO_SPACE else "choose a directory that this user may write",
        ) from error
