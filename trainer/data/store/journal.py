"""Journals of strokes: what has been drawn since the last revision outlives a crash."""

from __future__ import annotations

import json
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.data.store import framing, troubles
from trainer.data.store.backup import keep_copy
from trainer.data.store.kept import moment, plain, user_name
from trainer.data.store.packing import digest
from trainer.data.store.story import Base, Kind, Story, Stroke
from trainer.errors import StoreError

JOURNALS = "journals"
"""Name of the folder for the files, in the cohort's folder."""

SUFFIX = ".journal"

_PLAIN = re.compile("[0-9a-z][0-9a-z_-]{0,63}")
"""Ids that are names of files everywhere, and never two of them the same one."""

_STROKES = ("edit", "undo", "redo")


class Journal:
    """The journals of a cohort, a file a case, to which records are only ever added.

    What is appended is on the disk when the call returns. A journal's end that is no whole
    record, as a crash leaves it, is left out of what is read, and cut off before the next
    record; where that would cut off whole records as well, the file is copied first.

    May be used from several threads; of one program only, see `Holding`.

    Parameters
    ----------
    folder
        The cohort's; the files are in its folder ``journals``, made with the first of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / JOURNALS
        self._turn = threading.Lock()
        self._begun = set[Path]()
        """Files that end in a whole record, and have told what mask their strokes change."""

    def begin(self, case_id: str, mask: Mask, revision_id: int | None) -> None:
        """Begin a new chain: the strokes that follow change this mask.

        Strokes of an earlier chain that are in no revision are given up by this: they stay in
        the file, but `read` and `unkept` tell of them no more.

        Parameters
        ----------
        case_id
            Of the case.
        mask
            uint8 (H, W), 0 or 1.
        revision_id
            Of the revision whose mask it is; None keeps the mask in the journal.

        Raises
        ------
        StoreError
            If it cannot be kept; here as below, nothing of it is in the file then.
        """
        head = {"case": case_id, "revision": revision_id, "digest": digest(mask)}
        bits = b"" if revision_id is not None else _pack(mask)
        told = {"kind": "base", "shape": list(mask.shape)} | head | _signed()
        self._append(case_id, told, bits)

    def append(self, case_id: str, stroke: Stroke) -> None:
        """Keep a stroke of the chain that was begun last.

        Raises
        ------
        StoreError
            If it cannot be kept.
        """
        told: dict[str, Any] = {"kind": stroke.kind, "seconds": stroke.seconds}
        told |= {"at": moment(stroke.at), "author": stroke.author}
        edit = stroke.edit
        if edit is not None:
            told |= {"tool": edit.tool, "box": list(edit.box), "pixels": edit.pixels}
            told["parameters"] = json.loads(plain(edit.parameters))
        self._append(case_id, told, b"" if edit is None else edit.bits)

    def keep(self, case_id: str, revision_id: int) -> None:
        """Tell that all strokes so far are in a revision; where none was begun, there is no need.

        Raises
        ------
        StoreError
            If it cannot be kept.
        """
        self._append(case_id, {"kind": "kept", "revision": revision_id} | _signed(), b"")

    def read(self, case_id: str) -> Story | None:
        """The case's last chain of strokes; None where none was begun.

        Raises
        ------
        StoreError
            If the file is there but cannot be read.
        """
        path = self._path(case_id)
        with self._turn, _told(path):
            if not path.exists():
                return None
            records = framing.read(path)
            return _story(map(_parse, records.contents), records.torn)

    def strokes(self, case_id: str) -> list[Stroke]:
        """All strokes of all chains, those included that were given up.

        Raises
        ------
        StoreError
            If the file is there but cannot be read.
        """
        path = self._path(case_id)
        with self._turn, _told(path):
            contents = framing.read(path).contents if path.exists() else ()
            records = map(_parse, contents)
            return [_stroke(record) for record in records if record.kind in _STROKES]

    def unkept(self) -> list[str]:
        """Ids of the cases with strokes that are in no revision, in order of their files.

        Of most journals only the last record is read.

        Raises
        ------
        StoreError
            If a file cannot be read.
        """
        found = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            with self._turn, _told(path):
                content = framing.last(path)
                if content is None or _parse(content).kind in _STROKES:
                    story = _story(map(_parse, framing.read(path).contents), torn=False)
                    found += [story.base.case_id] if story and story.unkept else []
        return found

    def _append(self, case_id: str, told: dict[str, Any], bits: bytes) -> None:
        path = self._path(case_id)
        content = json.dumps(told, ensure_ascii=False).encode() + b"\n" + bits
        with self._turn, _told(path):
            if path not in self._begun and not _mend(path) and told["kind"] != "base":
                if told["kind"] == "kept":
                    return
                raise StoreError("a stroke came before the mask it changes", file=path)
            self._folder.mkdir(exist_ok=True)
            self._begun.discard(path)
            framing.append(path, content)
            self._begun.add(path)

    def _path(self, case_id: str) -> Path:
        if _PLAIN.fullmatch(case_id):
            return self._folder / f"{case_id}{SUFFIX}"
        readable = re.sub("[^0-9A-Za-z_-]", "_", case_id)[:40]
        told = blake2b(case_id.encode(), digest_size=8).hexdigest()
        return self._folder / f"{readable}.{told}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class _Record:
    told: dict[str, Any]
    bits: bytes

    @property
    def kind(self) -> str:
        return self.told["kind"]


def _parse(content: bytes) -> _Record:
    told, _, bits = content.partition(b"\n")
    return _Record(json.loads(told), bits)


def _story(records: Iterator[_Record], torn: bool) -> Story | None:
    base: Base | None = None
    strokes: list[Stroke] = []
    kept, kept_id = 0, None
    for record in records:
        if record.kind == "base":
            base, strokes, kept = _base(record), [], 0
            kept_id = base.revision_id
        elif record.kind == "kept":
            kept, kept_id = len(strokes), record.told["revision"]
        elif record.kind in _STROKES:
            strokes.append(_stroke(record))
    return None if base is None else Story(base, tuple(strokes), kept, kept_id, torn)


def _base(record: _Record) -> Base:
    told = record.told
    shape = (told["shape"][0], told["shape"][1])
    mask = _unpack(record.bits, shape) if record.bits else None
    return Base(told["case"], told["revision"], told["digest"], shape, mask)


def _stroke(record: _Record) -> Stroke:
    told, edit = record.told, None
    if "box" in told:
        box = Box(*told["box"])
        edit = Edit(told["tool"], box, record.bits, told["pixels"], told["parameters"])
    kind: Kind = told["kind"]
    at = datetime.fromisoformat(told["at"])
    return Stroke(kind, edit, told["seconds"], at, told["author"])


def _pack(mask: Mask) -> bytes:
    return zlib.compress(np.packbits(mask != 0).tobytes(), 1)


def _unpack(bits: bytes, shape: tuple[int, int]) -> Mask:
    packed = np.frombuffer(zlib.decompress(bits), np.uint8)
    return np.unpackbits(packed, count=shape[0] * shape[1]).reshape(shape)


def _signed() -> dict[str, str]:
    return {"at": moment(datetime.now(UTC)), "author": user_name()}


def _mend(path: Path) -> bool:
    """Cut off what a crash has left of a record at a journal's end; whether one was begun."""
    if not path.exists():
        return False
    records = framing.read(path)
    if records.torn:
        if framing.last(path) is not None:
            keep_copy(path, "damaged")
        framing.cut(path, records.end)
    return any(_parse(content).kind == "base" for content in records.contents)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise troubles.told(error, path) from error
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise StoreError(
            "is damaged", file=path, remedy="move it away; the revisions are all in the store"
        ) from error
