"""Small pictures of cases, read when they are first looked at and kept for the next time."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from platformdirs import user_cache_path
from psygnal import Signal

from hubmap_viewer.session import Session
from trainer.data.case import Case, Image
from trainer.data.cohort import Cohort
from trainer.errors import TrainerError

SIDE = 48
"""Longer side in pixels."""

_KEPT = 2000
"""In memory: 14 MB."""

_WAITING = 60
"""That are still to be read: what was scrolled past long ago is not read any more."""


class Thumbnails:
    """Reads one picture at a time beside the window, what was asked for last first.

    Parameters
    ----------
    post
        Has a function called in the thread that owns the session.
    """

    ready = Signal(str)
    """The id of a case whose picture is there now."""

    def __init__(self, session: Session, post: Callable[[Callable[[], None]], None]) -> None:
        self._session = session
        self._post = post
        self._pictures: OrderedDict[str, Image | None] = OrderedDict()
        self._wanted: list[str] = []
        self._lock = threading.Lock()
        self._working = False
        session.cohort_opened.connect(self._forget)

    def get(self, case_id: str) -> Image | None:
        """The case's picture, RGB uint8; None while it is read, or where there is none."""
        if case_id in self._pictures:
            self._pictures.move_to_end(case_id)
            return self._pictures[case_id]
        with self._lock:
            if case_id in self._wanted:
                self._wanted.remove(case_id)
            self._wanted = [*self._wanted, case_id][-_WAITING:]
            if not self._working:
                self._working = True
                threading.Thread(target=self._read_all, name="thumbnails", daemon=True).start()
        return None

    def _forget(self) -> None:
        self._pictures.clear()
        with self._lock:
            self._wanted.clear()

    def _read_all(self) -> None:
        while True:
            cohort = self._session.cohort
            with self._lock:
                if not self._wanted or cohort is None:
                    self._working = False
                    return
                case_id = self._wanted.pop()
            picture = _picture(cohort, cohort.cases[case_id]) if case_id in cohort.cases else None
            self._post(lambda made=(cohort, case_id, picture): self._put(*made))

    def _put(self, cohort: Cohort, case_id: str, picture: Image | None) -> None:
        if self._session.cohort is not cohort:
            return
        self._pictures[case_id] = picture
        while len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)
        self.ready.emit(case_id)


def _picture(cohort: Cohort, case: Case) -> Image | None:
    """From the cache, else from the image; None where that cannot be read."""
    try:
        place = _place(case)
        kept = cv2.imread(str(place)) if place.is_file() else None
        if kept is not None:
            return np.ascontiguousarray(kept[..., ::-1], dtype=np.uint8)
        small = shrunk(cohort.image(case.id))
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), small[..., ::-1])
    except (TrainerError, OSError):  # the table says of itself that the case has a problem
        return None
    return small


def shrunk(image: Image) -> Image:
    """The whole image, its longer side `SIDE` pixels."""
    height, width = image.shape[:2]
    factor = SIDE / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _place(case: Case) -> Path:
    """Where the picture is cached; a changed image has another place."""
    seen = case.image_path.stat()
    name = f"{case.image_path.resolve()} {seen.st_size} {seen.st_mtime_ns}"
    digest = hashlib.blake2b(name.encode(), digest_size=12).hexdigest()
    return user_cache_path("hubmap-viewer") / "thumbnails" / digest[:2] / f"{digest}.png"
