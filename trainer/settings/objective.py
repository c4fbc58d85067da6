"""What a training makes small."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from trainer.settings.base import Brief

Share = Annotated[float, Field(ge=0, le=100)]
"""What a part of a sum is multiplied by; 0 leaves it out."""


class AuxiliaryShares(Brief):
    """What the network's auxiliary outputs count beside its mask, where it has them."""

    deep: tuple[Share, ...] = Field(
        (0.5, 0.5, 0.2),
        min_length=1,
        description="Deep supervision, the deepest stage first; the last one serves the rest.",
    )
    organ: Share = Field(0.1, description="Cross-entropy of the organ.")
    pixel_size: Share = Field(0.1, description="Absolute error of the pixel size.")
    boundary: Share = Field(0.2, description="Binary cross-entropy of the units' outlines.")
    distance: Share = Field(0.2, description="Absolute error of the distance map.")
    skeleton: Share = Field(0.2, description="Absolute error of the skeleton-aware distance map.")


class Objective(Brief):
    """A weighted sum of losses; what is not named counts nothing."""

    bce: Share = Field(0.0, description="Binary cross-entropy.")
    dice: Share = Field(0.0, description="One minus the soft Dice of a batch.")
    jaccard: Share = Field(0.0, description="One minus the soft Jaccard index of a batch.")
    tversky: Share = Field(0.0, description="Dice with prices of its own for both errors.")
    focal: Share = Field(0.0, description="Cross-entropy that heeds what is hard.")
    focal_tversky: Share = Field(0.0, description="Tversky that heeds what is hard.")
    lovasz: Share = Field(0.0, description="Lovász hinge, image by image.")
    boundary: Share = Field(
        0.0, description="Boundary loss, in pixels: 0.01 beside one of the others is its paper's."
    )
    gaps: Share = Field(
        0.0, description="Cross-entropy of the ground between near units: they come apart."
    )
    gap_width: int = Field(8, ge=1, le=64, description="Of such ground at the most, in pixels.")
    false_positive: float = Field(0.3, gt=0, le=1, description="Tversky's price of spurious area.")
    false_negative: float = Field(0.7, gt=0, le=1, description="Tversky's price of missed area.")
    focus: float = Field(2.0, ge=0, le=10, description="Focal's exponent; 0 is cross-entropy.")
    tversky_focus: float = Field(4 / 3, ge=1, le=3, description="Focal Tversky's root.")
    positive_weight: float = Field(
        1.0, gt=0, le=100, description="Of pixels inside a unit, in cross-entropy and focal."
    )
    soften: int = Field(
        0, ge=0, le=64, description="Labels rise from 0 to 1 within so many pixels of a boundary."
    )
    auxiliary: AuxiliaryShares = Field(default_factory=lambda: AuxiliaryShares.model_validate({}))

    def losses(self) -> dict[str, float]:
        """The losses that count, with their shares."""
        every = {name: getattr(self, name) for name in LOSSES}
        return {name: share for name, share in every.items() if share}

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        if not self.losses():
            raise ValueError(f"there is nothing to learn: name one of {', '.join(LOSSES)}")
        return self


LOSSES = (
    "bce",
    "dice",
    "jaccard",
    "tversky",
    "focal",
    "focal_tversky",
    "lovasz",
    "boundary",
    "gaps",
)


def of_old_fields(told: object) -> object:
    """A recipe's `bce_weight` and `dice_weight`, as they were once written, as its `objective`."""
    if not isinstance(told, dict):
        return told
    old = {name: told[f"{name}_weight"] for name in ("bce", "dice") if f"{name}_weight" in told}
    if not old:
        return told
    if "objective" in told:
        raise ValueError("`bce_weight` and `dice_weight` say what `objective` says: leave them out")
    rest = {key: value for key, value in told.items() if key not in ("bce_weight", "dice_weight")}
    return rest | {"objective": {"bce": 0.5, "dice": 0.5} | old}
