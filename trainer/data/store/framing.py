"""An append-only file of records, each either whole or known not to be.

A record is the length of its content and the content's CRC-32, four bytes each, low byte
first; the content; and the length once more, so that the last record is found from the end.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

_HEAD, _TAIL = struct.Struct("<II"), struct.Struct("<I")
_BINARY = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Records:
    """What a file holds.

    Attributes
    ----------
    end
        Bytes of whole records from the file's beginning.
    torn
        Whether something that is no whole record follows them.
    """

    contents: tuple[bytes, ...]
    end: int
    torn: bool


def read(path: Path) -> Records:
    """All records of a file up to the first that is not whole."""
    data = path.read_bytes()
    contents, end = [], 0
    while (content := _at(data, end)) is not None:
        contents.append(content)
        end += _HEAD.size + len(content) + _TAIL.size
    return Records(tuple(contents), end, end < len(data))


def last(path: Path) -> bytes | None:
    """The file's last record, without a look at the others; None if the file ends in no record."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < _HEAD.size + _TAIL.size:
            return None
        file.seek(size - _TAIL.size)
        start = size - _TAIL.size - _TAIL.unpack(file.read())[0] - _HEAD.size
        if start < 0:
            return None
        file.seek(start)
        return _at(file.read(), 0)


def append(path: Path, content: bytes) -> None:
    """Add a record, on the disk when this returns; or nothing, if it raises.

    Parameters
    ----------
    path
        A file, made where there is none.
    content
        At least one byte: a disk that lost its power leaves zeros, which must not pass for one.

    Raises
    ------
    OSError
        If the system refuses.
    """
    record = _HEAD.pack(len(content), zlib.crc32(content)) + content + _TAIL.pack(len(content))
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o666)
    try:
        size = os.fstat(handle).st_size
        try:
            _write(handle, record)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if size == 0:
        _flush_names(path.parent)


def cut(path: Path, end: int) -> None:
    """Take away what follows the file's first bytes."""
    handle = os.open(path, os.O_WRONLY | _BINARY)
    try:
        os.ftruncate(handle, end)
        os.fsync(handle)
    finally:
        os.close(handle)


def _at(data: bytes, start: int) -> bytes | None:
    """The content of the record at a place; None where there is no whole one."""
    if len(data) - start < _HEAD.size + _TAIL.size:
        return None
    length, check = _HEAD.unpack_from(data, start)
    begin = start + _HEAD.size
    content, tail = data[begin : begin + length], data[begin + length : begin + length + _TAIL.size]
    whole = length > 0 and zlib.crc32(content) == check and tail == _TAIL.pack(length)
    return content if whole else None


def _write(handle: int, record: bytes) -> None:
    left = memoryview(record)
    while left:  # a disk that fills up takes a part first, and refuses the rest
        left = left[os.write(handle, left) :]
    os.fsync(handle)


def _flush_names(folder: Path) -> None:
    """Bring a new file's name to the disk, where the system lets folders be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
