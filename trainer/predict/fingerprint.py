"""Which ensemble made a prediction, told without loading a network."""

from __future__ import annotations

import hashlib
from pathlib import Path

from trainer.settings import Ensemble


def fingerprint(ensemble: Ensemble, base: Path) -> str:
    """Digest of all that probabilities depend on: weights, their shares, views, CRF (hex).

    Thresholds and steps after them are not part of it. `base` is the folder of the ensemble's
    YAML: members' files are relative to it.

    Raises
    ------
    OSError
        If a member's weights or their description cannot be read.
    """
    digest = hashlib.blake2b(repr(ensemble.tta).encode(), digest_size=16)
    for member in ensemble.members:
        file = base / member.weights
        content = hashlib.blake2b(file.read_bytes(), digest_size=16)
        content.update(file.with_suffix(".json").read_bytes())
        digest.update(f"{member.weight} {content.hexdigest()}".encode())
    for organ in sorted(ensemble.postprocess):
        if crf := ensemble.crf_for(organ):
            digest.update(f"{organ} {crf!r}".encode())
    return digest.hexdigest()
