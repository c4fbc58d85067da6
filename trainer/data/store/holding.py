"""One window at a time changes a cohort; the next one is told who does."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Self
from uuid import uuid4

from filelock import FileLock, Timeout

from trainer.data.atomic import replacing
from trainer.data.store import troubles
from trainer.data.store.kept import user_name
from trainer.errors import StoreError

LOCK = "reviews.lock"
"""Name of the file in a cohort's folder that the operating system locks."""

HOLDER = "reviews.holder"
"""Name of the file beside it that says who has locked it."""


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds a cohort.

    Attributes
    ----------
    pid
        Of the process, on its own machine; None where it is not known.
    since
        In UTC.
    """

    user: str
    host: str
    pid: int | None
    since: datetime | None

    def __str__(self) -> str:
        where = f"{self.user} on {self.host}" if self.host else self.user
        process = "" if self.pid is None else f" (process {self.pid})"
        since = "" if self.since is None else f" since {self.since:%Y-%m-%d %H:%M} UTC"
        return f"{where}{process}{since}"


class Holding:
    """The right to change a cohort's reviews and journals.

    The operating system takes it back when the process ends, however it ends.
    """

    def __init__(self, lock: FileLock, holder: Path) -> None:
        self._lock = lock
        self._holder = holder

    @classmethod
    def try_take(cls, folder: Path) -> Self | Held:
        """Take a cohort's folder, or tell who holds it.

        Raises
        ------
        StoreError
            If the folder cannot be written, or its file system knows no locks.
        """
        lock = FileLock(folder / LOCK, thread_local=False)
        holder = folder / HOLDER
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return _who(holder)
        except NotImplementedError as error:
            raise StoreError("the file system knows no locks", file=folder) from error
        except OSError as error:
            raise troubles.told(error, folder / LOCK) from error
        try:
            _sign(holder)
        except StoreError:
            lock.release()
            raise
        return cls(lock, holder)

    def release(self) -> None:
        """Give it back; once is enough."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Slot:
    """A name for a program that works on a cohort of a shared store.

    Of those that one user has open on one machine, each has a name of its own; one that starts
    anew after a crash gets the name back, and with it the claims that it had.

    Attributes
    ----------
    name
        That no other program has, on this machine or on another.
    """

    def __init__(self, folder: Path) -> None:
        here = f"{user_name()}@{platform.node()}:{folder.resolve()}"
        for number in count():
            self.name = blake2b(f"{here}#{number}".encode(), digest_size=16).hexdigest()
            place = Path(tempfile.gettempdir()) / f"hubmap-reviewer-{self.name}.lock"
            self._lock = FileLock(place, thread_local=False)
            try:
                self._lock.acquire(blocking=False)
            except Timeout:
                continue
            except (OSError, NotImplementedError):
                self.name = uuid4().hex  # it will not come back, but it is nobody else's
            return

    def release(self) -> None:
        """Give the name back."""
        self._lock.release()


def _sign(holder: Path) -> None:
    me = Held(user_name(), platform.node(), os.getpid(), datetime.now(UTC))
    with replacing(holder, StoreError) as draft:
        draft.write_text(json.dumps(asdict(me), default=str), "utf-8")


def _who(holder: Path) -> Held:
    try:
        told = json.loads(holder.read_text("utf-8"))
        since = datetime.fromisoformat(told["since"])
        return Held(told["user"], told["host"], told["pid"], since)
    except (OSError, ValueError, KeyError, TypeError):
        return Held("another program", "", None, None)  # it has not signed yet
