"""What can go wrong with a store, in sentences."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from pathlib import Path

from trainer.errors import StoreError

Trouble = tuple[str, str]
"""What is wrong, and what a user can do about it."""

FULL: Trouble = ("the disk is full", "free some space and save again")
FORBIDDEN: Trouble = (
    "cannot be written", "copy the cohort to a folder that you may write to",
)  # fmt: skip
REFUSED: Trouble = ("the disk refuses to write", "free some space, or check the disk")
LOCKED: Trouble = ("is locked by another program", "close that program and save again")
GONE: Trouble = ("the server cannot be reached", "see that it runs, and save again")
UNKNOWN_USER: Trouble = ("the server refuses this user", "check the name and the password")
NO_RIGHT: Trouble = ("this user may not write there", "ask the server's administrator")

# sqlite's own names of what can go wrong
_SQLITE = {
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": FORBIDDEN,
    "SQLITE_CANTOPEN": FORBIDDEN,
    "SQLITE_PERM": FORBIDDEN,
    "SQLITE_BUSY": LOCKED,
    "SQLITE_LOCKED": LOCKED,
    "SQLITE_NOTADB": ("is not a database of reviews", "move it away and open the cohort again"),
    "SQLITE_CORRUPT": ("is damaged", "put back a copy of it, or move it away"),
    "SQLITE_IOERR": REFUSED,
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "53100": ("the server's disk is full", "ask the server's administrator, and save again"),
    "53300": ("the server has too many connections", "close a window and save again"),
    "55P03": LOCKED,
    "57P": GONE,
    "08": GONE,
    "25006": NO_RIGHT,
    "42501": NO_RIGHT,
    "28": UNKNOWN_USER,
    "3D000": ("there is no such database", "have the server's administrator make it"),
}

# a connection that was never made has no code, only words
_WORDS = {
    'role "': UNKNOWN_USER,
    "does not exist": _POSTGRESQL["3D000"],
    "password authentication failed": UNKNOWN_USER,
    "no password supplied": UNKNOWN_USER,
    "too many clients": _POSTGRESQL["53300"],
}

_SYSTEM = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: FULL,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
    errno.EROFS: FORBIDDEN,
    errno.EIO: REFUSED,
}


def told(error: BaseException | None, place: Path) -> StoreError:
    """The sentence about what a database's driver, or the system, has raised."""
    trouble = _trouble(error)
    if trouble is None:
        said = " ".join(str(error).split())
        return StoreError(f"cannot be used ({said})", file=place)
    return StoreError(trouble[0], file=place, remedy=trouble[1])


def _trouble(error: BaseException | None) -> Trouble | None:
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0)
    code = getattr(error, "sqlite_errorname", None)
    if code is not None:
        return _first(_SQLITE, lambda prefix: code.startswith(prefix))
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _first(_POSTGRESQL, lambda prefix: state.startswith(prefix))
    if type(error).__name__ == "OperationalError":
        said = (str(error).splitlines() or [""])[0].rpartition("failed: ")[2]
        known = _first(_WORDS, lambda words: words in said)
        return known or (f"{GONE[0]} ({said})", GONE[1])
    return None


def _first(troubles: Mapping[str, Trouble], fits: Callable[[str], bool]) -> Trouble | None:
    return next((trouble for key, trouble in troubles.items() if fits(key)), None)
