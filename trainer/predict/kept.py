"""An ensemble's folder of predictions, described so that they are known again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from trainer.data.predictions import Predictions
from trainer.predict.device import describe
from trainer.predict.ensemble import Predictor

_LONGEST = 80
"""Of an ensemble's name within a folder's, in characters: no more than file systems take."""


def folder_for(cohort: Path, predictor: Predictor) -> Path:
    """Where a cohort keeps this ensemble's predictions: changed weights have another place."""
    name = re.sub(r"[^\w. -]+", "-", predictor.ensemble.name)[:_LONGEST]
    return cohort / "predictions" / f"{name}-{predictor.fingerprint[:8]}"


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
            **ensemble.masking.description(),
            **({"temperatures": ensemble.temperatures} if ensemble.temperatures else {}),
            "device": describe(predictor.device),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": version("hubmap-viewer"),
        },
    )
