"""How far a run's members lie apart about each case: another way to rank cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.predict import kept
from trainer.predict.ensemble import Predictor
from trainer.predict.running import predict_cohort
from trainer.review.certainty import disagreement
from trainer.settings import read_ensemble


def spread_of_members(cohort: Cohort, run: Path, out: Path) -> dict[str, float]:
    """Mean standard deviation over all members, those too that have learned the case.

    Out of fold one member alone speaks of a case, and there is nothing to disagree with.

    Parameters
    ----------
    cohort
        Whose cases.
    run
        Its members.
    out
        Where each member's predictions are kept, so that they are not made twice.

    Returns
    -------
    dict
        Case id to 0 .. 0.5, as `trainer.review.certainty.disagreement` has it.
    """
    ensemble = read_ensemble(run)
    opinions: list[Predictions] = []
    for number, member in enumerate(ensemble.members):
        alone = ensemble.model_copy(update={"members": (member,)})
        with Predictor(alone, run) as predictor:
            opinions.append(kept.begin(out / str(number), predictor))
            for _ in predict_cohort(cohort, cohort.cases, predictor, opinions[-1]):
                pass
    found: dict[str, float] = {}
    for case_id in cohort.cases:
        told = [one for one in (each.read(case_id) for each in opinions) if one is not None]
        if told:
            levels = np.stack([one.probability for one in told])
            spread = np.rint(levels.std(axis=0)).astype(np.uint8)
            mean = np.rint(levels.mean(axis=0)).astype(np.uint8)
            found[case_id] = disagreement(Prediction(case_id, mean, spread, told[0].shape))
    return found
