"""A cohort's pixels by level of probability, counted away from the window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import TrainerError
from trainer.review.histograms import Histogram, gather


@dataclass(frozen=True, slots=True)
class CountStep:
    """One case of a folder of predictions was counted, or could not be."""

    done: int
    total: int
    folder: Path
    found: Histogram | TrainerError


def count(cohort: Cohort, *folders: Predictions) -> Iterator[CountStep]:
    """Count all cases that have a truth and a prediction, one folder after the other.

    What was counted before is not counted again; stopping early keeps what was.
    """
    wanted = [(predictions, countable(cohort, predictions)) for predictions in folders]
    total = sum(len(ids) for _, ids in wanted)
    done = 0
    for predictions, ids in wanted:
        with closing(gather(cohort, cohort.truth, predictions, ids)) as each:
            for found in each:
                done += 1
                yield CountStep(done, total, predictions.folder, found)


def countable(cohort: Cohort, predictions: Predictions) -> list[str]:
    """Ids of the cases with a truth and a prediction, in the cohort's order."""
    predicted = predictions.ids()
    return [
        case.id
        for case in cohort.cases.values()
        if case.id in predicted and case.has_truth and not case.problem
    ]


def first_of(problems: Sequence[TrainerError]) -> str:
    """Why cases could not be counted: the first reason, and how many more there are."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}" if problems else ""
