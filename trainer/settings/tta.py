"""Test-time views: what an image is turned into before networks are asked about it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from trainer.settings.base import Brief

View = Literal["identity", "hflip", "vflip", "rot180", "rot90", "rot270", "transpose", "transverse"]
"""The eight symmetries of a square; turns are counter-clockwise, ``transpose`` mirrors at the
main diagonal, ``transverse`` at the other."""

Average = Literal["probability", "logit"]

StainMethod = Literal["none", "reinhard", "macenko", "vahadane"]


class Stain(Brief):
    """A view in another laboratory's colours; ``none`` is the image in its own."""

    method: StainMethod = Field(description="How colours are brought to the reference's.")
    reference: str | None = Field(
        None, description="A tiff stained as wished, relative to the ensemble's YAML."
    )
    organs: tuple[str, ...] = Field((), description="Only for these organs; all if empty.")

    def serves(self, organ: str) -> bool:
        """Whether images of the organ are seen so."""
        return not self.organs or organ in self.organs

    def beside(self, folder: Path) -> Self:
        """The same, its reference found from `folder`, where its YAML lies."""
        if self.reference is None:
            return self
        return self.model_copy(update={"reference": str((folder / self.reference).resolve())})

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.method == "none" and self.reference is not None:
            raise ValueError("the method none takes no `reference`")
        if self.method != "none" and self.reference is None:
            raise ValueError(f"the method {self.method} needs a `reference` image")
        return self


def own_colours() -> tuple[Stain, ...]:
    """The image as it is, and nothing else."""
    return (Stain.model_validate({"method": "none"}),)
