"""What a curated mask tells of the prediction that it started from."""

from __future__ import annotations

from trainer.data.case import Prediction
from trainer.data.predictions import Predictions
from trainer.data.store import Start
from trainer.review.certainty import confidence


def start(predictions: Predictions, prediction: Prediction, threshold: float) -> Start:
    """The start of a mask that a prediction becomes at a threshold.

    The confidence goes with it, so that a training can ask for a confident label without the
    folder of predictions.
    """
    told = predictions.description
    return Start(
        name=str(told.get("ensemble", "")),
        fingerprint=str(told.get("fingerprint", "")),
        threshold=threshold,
        confidence=confidence(prediction, threshold),
    )
