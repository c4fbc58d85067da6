"""What a member is shown of a case: sizes, scales and colours, made before a network runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from trainer.data.case import Case, Image
from trainer.data.tiff import LARGEST
from trainer.errors import CohortError
from trainer.predict import frame
from trainer.settings import Ensemble, Member, Stain


@dataclass(frozen=True, slots=True)
class Look:
    """One input of one member.

    Attributes
    ----------
    shape
        (h, w) that the image is resized to, in pixels.
    share
        In the member's opinion; only relative to its other looks.
    """

    shape: tuple[int, int]
    stain: Stain
    share: float


def looks(
    member: Member, trained: int, shape: tuple[int, int], case: Case | None, ensemble: Ensemble
) -> tuple[Look, ...]:
    """Every input that a member is shown of an image.

    Parameters
    ----------
    member
        Whose sizes.
    trained
        Longer side, in pixels, of the images that the member was trained on.
    shape
        (H, W) of the image, in pixels.
    case
        Whose image it is; None where nothing is known of it.
    ensemble
        Whose scales and stains.

    Raises
    ------
    CohortError
        If the member wants a pixel size and the case has none, or the image would become
        larger than any that is read.
    """
    organ = "" if case is None else case.organ
    return tuple(
        Look(wanted, stain, share)
        for at, share in _scales(member, trained, shape, case)
        for scale in ensemble.tta_scales
        for wanted in [_shape(member, shape, at * scale, case)]
        for stain in ensemble.stains_for(organ)
    )


def _scales(
    member: Member, trained: int, shape: tuple[int, int], case: Case | None
) -> Iterator[tuple[float, float]]:
    """How many times as large the image becomes, and the share of that."""
    if member.pixel_size is not None:
        yield _pixel_size(member, case) / member.pixel_size, 1.0
        return
    for size, share in (member.sizes or {member.size or trained: 1.0}).items():
        yield size / max(shape), share


def _pixel_size(member: Member, case: Case | None) -> float:
    if case is None or case.pixel_size is None:
        raise CohortError(
            f"has no pixel size, and {member.source} resamples to {member.pixel_size:g} µm/px",
            case=None if case is None else case.id,
            remedy="fill in its pixel_size in the csv, or give the member a `size` instead",
        )
    return case.pixel_size


def _shape(
    member: Member, shape: tuple[int, int], scale: float, case: Case | None
) -> tuple[int, int]:
    found = frame.scaled(shape, scale)
    if max(found) > LARGEST:
        raise CohortError(
            f"would become {max(found)} pixels long for {member.source}, more than {LARGEST}",
            case=None if case is None else case.id,
            remedy="check its pixel_size in the csv and the member's",
        )
    return (max(found), max(found)) if member.resize == "squeeze" else found


class Inputs:
    """An image as looks want it; what several looks share is made once."""

    def __init__(
        self, image: Image, wanted: Iterable[Look], stained: Callable[[Image, Stain], Image]
    ) -> None:
        resized: dict[tuple[int, int], Image] = {}
        self._images: dict[tuple[tuple[int, int], Stain], Image] = {}
        for look in wanted:
            if look.shape not in resized:
                resized[look.shape] = frame.resized(image, look.shape)
            key = (look.shape, look.stain)
            if key not in self._images:
                self._images[key] = stained(resized[look.shape], look.stain)

    def image(self, look: Look) -> Image:
        """RGB, uint8 (h, w, 3)."""
        return self._images[look.shape, look.stain]
