"""A cohort whose predictions wait to be accepted, small enough for many tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cohorts import Drawn, write_cohort
from hubmap_viewer.loading import load
from hubmap_viewer.session import Session
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions

SIZE = (40, 48)
DISC = ((20, 20, 9),)
LABELLED = (Drawn("1", "lung", SIZE, discs=DISC), Drawn("2", "spleen", SIZE, discs=DISC))
LUNGS = tuple(Drawn(str(100 + n), "lung", SIZE, discs=DISC) for n in range(8))
SPLEENS = tuple(Drawn(str(200 + n), "spleen", SIZE, discs=DISC) for n in range(4))


def predicted(case: Drawn, *, sure: int = 245, spread: int = 5, seen: bool = False) -> Prediction:
    """A prediction of a case's units, as sure as is said (of 255)."""
    probability = np.where(case.mask > 0, sure, 0).astype(np.uint8)
    return Prediction(case.id, probability, np.full(SIZE, spread, np.uint8), SIZE, seen)


def write(folder: Path, predictions: Iterable[Prediction]) -> Predictions:
    """The cohort in a folder, and what an ensemble says of it."""
    write_cohort(folder, LABELLED, (*LUNGS, *SPLEENS))
    told = {"ensemble": "e", "fingerprint": "f", "threshold": 0.5}
    kept = Predictions.create(folder / "predictions" / "e", told)
    for prediction in predictions:
        kept.write(prediction)
    return kept


def opened(folder: Path, predictions: Predictions | None = None) -> Session:
    """A session on the cohort, in which a wanted case is loaded at once."""
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(Cohort.open(folder))
    if predictions is not None:
        session.use_predictions(predictions)
    return session


def words_told(session: Session) -> list[str]:
    """All that the session tells from now on."""
    words: list[str] = []
    session.told.connect(lambda message: words.append(str(message)))
    return words


def run(work: Callable[[Callable[[], bool]], Any], put: Callable[[Any], object]) -> None:
    """A background work, done here and now."""
    for step in work(lambda: False):
        put(step)
