"""An ensemble's folder of predictions, described so that they are known again."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from trainer.data.predictions import Predictions
from trainer.predict.device import describe
from trainer.predict.ensemble import Predictor


def begin(folder: Path, predictor: Predictor) -> Predictions:
    """Begin a folder of this ensemble's predictions, or go on with it.

    Raises
    ------
    PredictionError
        If the folder holds another ensemble's predictions, or cannot be written.
    """
    ensemble = predictor.ensemble
    return Predictions.create(
        folder,
        {
            "ensemble": ensemble.name,
            "fingerprint": predictor.fingerprint,
            "threshold": ensemble.threshold,
            "thresholds": dict(ensemble.thresholds),
            "device": describe(predictor.device),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": version("hubmap-viewer"),
        },
    )
