"""Which ensemble made a prediction, told without loading a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trainer.model.described import twin
from trainer.predict.inputs import Look
from trainer.predict.members import resolve
from trainer.settings import Ensemble, Member, Stain

_OF_MEMBERS = ("weights_by_organ", "organs", "size", "sizes", "pixel_size", "resize", "window")
_OF_ALL = ("tta_scales", "tta_average", "fusion", "votes", "temperatures")


def fingerprint(ensemble: Ensemble, base: Path) -> str:
    """Digest of all that probabilities depend on, from weights to temperatures and CRF (hex).

    Thresholds and steps after them are not part of it, nor is where files lie. `base` is the
    folder of the ensemble's YAML: members' files are relative to it.

    Raises
    ------
    OSError
        If a member's weights or their description, or a reference, cannot be read.
    WeightsError
        If a run has no such fold.
    """
    digest = hashlib.blake2b(repr(ensemble.tta).encode(), digest_size=16)
    for asked in resolve(ensemble, base):
        content = of_weights(asked.file)
        digest.update(f"{asked.settings.weight} {content}".encode())
        digest.update(_told(asked.settings, _OF_MEMBERS))
    digest.update(_told(ensemble, _OF_ALL))
    for stain in ensemble.tta_stains:
        if stain.reference is not None:
            digest.update(_told(stain, ("method", "organs")))
            digest.update((base / stain.reference).read_bytes())
        elif len(ensemble.tta_stains) > 1:
            digest.update(_told(stain, ("method", "organs")))
    for organ in sorted(ensemble.postprocess):
        if crf := ensemble.crf_for(organ):
            digest.update(f"{organ} {crf!r}".encode())
    return digest.hexdigest()


def of_weights(file: Path) -> str:
    """Digest of a member's weights and their description (hex)."""
    content = hashlib.blake2b(file.read_bytes(), digest_size=16)
    content.update(twin(file).read_bytes())
    return content.hexdigest()


def of_opinion(
    weights: str,
    references: Mapping[Stain, str],
    looks: Iterable[Look],
    member: Member,
    ensemble: Ensemble,
) -> str:
    """Digest of all that one member's opinion of one image depends on, but for the image (hex).

    Parameters
    ----------
    weights
        As `of_weights` has it.
    references
        Digests of the references of stains.
    looks
        What the member is shown.
    member, ensemble
        Whose window and views.
    """
    seen = [
        (look.shape, look.share, look.stain.method, references.get(look.stain)) for look in looks
    ]
    window = None if member.window is None else member.window.model_dump()
    told = [weights, seen, window, ensemble.tta, ensemble.tta_average]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=8).hexdigest()


def _told(settings: Ensemble | Member | Stain, names: tuple[str, ...]) -> bytes:
    """What the settings say of these, empty where all is as if left out.

    So ensembles that use none of them are known by the digest they have always had.
    """
    said: dict[str, Any] = settings.model_dump(mode="json", include=set(names))
    return json.dumps(said, sort_keys=True).encode() if said else b""
