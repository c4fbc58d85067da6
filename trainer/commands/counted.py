"""What commands ask first: how truth and a folder of predictions agree, at any threshold."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import CohortError, TrainerError
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.predictions import Predictions
    from trainer.review.histograms import Histograms


def histograms(
    cohort: Cohort, predictions: Predictions, terminal: Terminal, wish: Wish
) -> Histograms:
    """Of all cases with a truth and a prediction; says what cannot be counted, and goes on.

    Raises
    ------
    CohortError
        If there is no such case.
    Cancelled
        If the user wishes to stop; what is counted is kept.
    """
    from trainer.review.histograms import Histogram, Histograms, gather

    there = predictions.ids()
    ids = [one.id for one in cohort.cases.values() if one.has_truth and one.id in there]
    found: list[Histogram] = []
    # closed at once where the user stops it: what is done is then kept
    counting = closing(gather(cohort, cohort.truth, predictions, ids))
    with terminal.meter() as meter, counting as counts:
        for done, one in enumerate(counts, start=1):
            wish.heed()
            if isinstance(one, TrainerError):
                terminal.problem(one)
            else:
                found.append(one)
            meter.show(f"Counting {predictions.folder}", done / len(ids), None)
    if not found:
        raise _nothing(predictions.folder)
    return Histograms(found)


def _nothing(folder: Path) -> CohortError:
    return CohortError("no case has both a truth and a prediction", file=folder)
