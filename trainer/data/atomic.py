"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.errors import ExportError, TrainerError

_REMEDIES = {
    errno.ENOSPC: "free some space or choose another disk",
    errno.EDQUOT: "free some space or choose another disk",
    errno.EFBIG: "choose a disk that holds larger files",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
    errno.ENOENT: "choose a folder that exists",
    errno.EEXIST: "choose another name",
    errno.ENOTDIR: "choose another name",
    errno.EISDIR: "choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
}


@contextmanager
def replacing(path: Path, error: type[TrainerError] = ExportError) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` once all is written.

    Parameters
    ----------
    path
        What is to be written; its folder is made if need be. Of a link, the file it leads to.
    error
        What to raise where it cannot be written.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a device, not a file"
        raise error(f"is {kind}", file=path, remedy="choose another name")
    with told(path, error):
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            yield draft
            _flush(draft)
            draft.replace(path)


@contextmanager
def replacing_files(folder: Path, error: type[TrainerError] = ExportError) -> Iterator[Path]:
    """A folder to write files to; they all move to `folder` once all are written.

    Files of other names that `folder` already holds stay.
    """
    with told(folder, error):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            yield draft
            for file in draft.iterdir():
                _flush(file)
            folder.mkdir(exist_ok=True)
            for file in draft.iterdir():
                file.replace(folder / file.name)
        except TrainerError as failure:
            if failure.file is None or failure.file.parent != draft:
                raise
            place = folder / failure.file.name
            raise error(failure.problem, file=place, remedy=failure.remedy) from failure
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def told(path: Path, error: type[TrainerError]) -> Iterator[None]:
    """Turn the system's refusal to write into one sentence about `path`."""
    try:
        yield
    except OSError as failure:
        reason = (failure.strerror or str(failure)).lower()
        remedy = _REMEDIES.get(failure.errno or 0)
        raise error(f"cannot be written ({reason})", file=path, remedy=remedy) from failure


def _flush(file: Path) -> None:
    """Bring a file's bytes to the disk, so that a full disk is noticed before the renaming."""
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())
