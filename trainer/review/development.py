"""The cases and masks that runs are compared on, frozen when the first one is compared.

They are ``development.csv`` (id, organ, rle) in the cohort's folder.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.data import rle
from trainer.data.atomic import replacing
from trainer.data.case import Mask
from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.data.store import Revision, Store
from trainer.data.table import lines
from trainer.errors import CohortError, ExportError, SettingsError, TrainerError
from trainer.metrics import dice
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.settings import Ensemble, read_ensemble

DEVELOPMENT = "development.csv"


@dataclass(frozen=True, slots=True)
class Development:
    """Cases and masks that do not change from one comparison to the next.

    Attributes
    ----------
    texts
        Case id to run lengths.
    organs
        Case id to organ.
    """

    texts: dict[str, str]
    organs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Opinion:
    """A run's out-of-fold predictions, and how its ensemble makes masks of them."""

    predictions: Predictions
    ensemble: Ensemble

    @classmethod
    def open(cls, run: Path) -> Opinion:
        """Of a run's folder.

        Raises
        ------
        SettingsError, PredictionError
            If it is none, or has no out-of-fold predictions.
        """
        ensemble = read_ensemble(run)
        return cls(Predictions.open(run / OUT_OF_FOLD), ensemble)

    def mask(self, cohort: Cohort, case_id: str) -> Mask | None:
        """None where there is no prediction, or only one of members that have seen the case."""
        prediction = self.predictions.read(case_id)
        if prediction is None or prediction.in_sample:
            return None
        point = OperatingPoint.of(self.ensemble.masking, cohort.cases[case_id])
        return to_mask(prediction, point)


def measure(
    cohort: Cohort, development: Development, opinion: Opinion, problems: list[TrainerError]
) -> Iterator[tuple[str, float | None]]:
    """Each case's Dice; None where there is none."""
    for case_id, text in development.texts.items():
        measured = None
        try:
            if case_id not in cohort.cases:
                raise CohortError("is not in the cohort any more", case=case_id)
            found = opinion.mask(cohort, case_id)
            if found is not None:
                shape = (found.shape[0], found.shape[1])
                measured = dice(found, rle.decode(text, shape))
        except TrainerError as error:
            problems.append(error)
        yield case_id, measured


def to_freeze(
    cohort: Cohort, store: Store | None, opinion: Opinion, problems: list[TrainerError]
) -> Iterator[tuple[str, str | None]]:
    """Each case's mask as run lengths; None where the case cannot be compared on."""
    revisions = {} if store is None else store.latest_all()
    for case_id in cohort.cases:
        label = None
        try:
            if opinion.mask(cohort, case_id) is not None:
                label = _label(cohort, store, revisions.get(case_id), case_id)
        except TrainerError as error:
            problems.append(error)
        yield case_id, None if label is None else rle.encode(label)


def _label(
    cohort: Cohort, store: Store | None, revision: Revision | None, case_id: str
) -> Mask | None:
    """The accepted mask, else the truth; None of a rejected case, whose truth nobody trusts."""
    if store is None or revision is None or revision.status not in ("accepted", "rejected"):
        return cohort.truth(case_id)
    return store.mask(revision) if revision.status == "accepted" else None


def freeze(cohort: Cohort, texts: Mapping[str, str], opinion: Opinion) -> None:
    """Keep cases and their masks, as run lengths, to compare on from now on.

    Raises
    ------
    SettingsError
        If there are none.
    ExportError
        If the cohort's folder cannot be written.
    """
    if not texts:
        place = opinion.predictions.folder
        raise SettingsError("has no out-of-fold prediction of a labelled case", file=place)
    with (
        replacing(cohort.folder / DEVELOPMENT, ExportError) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(("id", "organ", "rle"))
        for case_id, text in texts.items():
            rows.writerow((case_id, cohort.cases[case_id].organ, text))


def read(cohort: Path) -> Development:
    """The frozen set of a cohort's folder.

    Raises
    ------
    CohortError
        If it cannot be read.
    """
    path = cohort / DEVELOPMENT
    rows = lines(path)
    header = next(rows, None)
    names = [] if header is None else [cell.strip() for cell in header.cells]
    if missing := {"id", "organ", "rle"} - set(names):
        raise CohortError(
            f"the column {' and '.join(sorted(missing))} is missing",
            file=path,
            row=1,
            remedy="take the file away: the next comparison freezes another",
        )
    told = [dict(zip(names, line.cells, strict=False)) for line in rows]
    return Development(
        {one["id"]: one.get("rle", "") for one in told},
        {one["id"]: one.get("organ", "") for one in told},
    )
