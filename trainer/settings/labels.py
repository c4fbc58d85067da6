"""What a label is worth by where it came from."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from trainer.settings.base import Brief, Probability, Settings
from trainer.settings.postprocess import DEFAULT, Area

Weight = Annotated[float, Field(ge=0, le=100)]
"""Of a label: what a gradient is multiplied by; 0 leaves its case out."""


class Predicted(Settings):
    """What a label is worth that started from a prediction; a number alone is its weight."""

    weight: Weight = Field(1.0)
    min_confidence: float = Field(
        0.0, ge=0, le=1, description="Of the prediction, by its own reckoning; below, it is out."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_a_number(cls, told: object) -> object:
        if isinstance(told, int | float):
            return {"weight": told}
        if not isinstance(told, dict | Predicted):
            raise ValueError("is neither a number nor `weight` and `min_confidence`")
        return told

    @model_serializer(mode="wrap")
    def _as_a_number(self, dump: SerializerFunctionWrapHandler) -> Any:
        return dump(self) if self.min_confidence else self.weight


def _predicted() -> Predicted:
    return Predicted.model_validate({})


class LabelWeights(Settings):
    """What labels are worth by their origin; of `raw_prediction` nobody has changed a pixel."""

    truth: Weight = Field(1.0)
    redrawn: Weight = Field(1.0)
    edited_prediction: Predicted = Field(default_factory=_predicted)
    raw_prediction: Predicted = Field(default_factory=_predicted)
    external: Weight = Field(1.0, description="Of the truths of the recipe's `external` cohorts.")

    @model_validator(mode="after")
    def _takes_something(self) -> Self:
        predicted = (self.edited_prediction.weight, self.raw_prediction.weight)
        if not any((self.truth, self.redrawn, *predicted)):
            raise ValueError("every weight is 0: there is nothing to learn")
        return self


class Pseudo(Brief):
    """Predictions as labels: of cases that have none, and by chance in a label's place.

    Each of the `rounds` trains all folds anew, or on from the round before; what it learns from
    are the predictions of that round, which in the first one knows labels alone.
    """

    rounds: int = Field(0, ge=0, le=5, description="After the one without; 0: none of this.")
    threshold: Probability = Field(0.5, description="For organs that `thresholds` leaves out.")
    thresholds: dict[str, Probability] = Field(
        default_factory=dict, description="By organ: probability from which a pixel is labelled."
    )
    min_confidence: float = Field(
        0.0, ge=0, le=1, description="Of the prediction, by its own reckoning; below, it is out."
    )
    min_area: dict[str, Area] = Field(
        default_factory=dict, description="By organ, and `default`: smaller units are dropped."
    )
    share: float = Field(
        0.3, ge=0, lt=1, description="Of an epoch's crops that show cases without a label."
    )
    weight: Weight = Field(1.0, description="Of such a label, as in `labels`.")
    swap: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Chance that a crop's label is the out-of-fold prediction in its place.",
    )
    warm_start: bool = Field(
        False,
        description="Each member goes on from that of the round before, in place of afresh.",
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.rounds and not self.swap and not (self.share and self.weight):
            raise ValueError("with `share` or `weight` 0 and `swap` 0 a round changes nothing")
        return self

    def area_for(self, organ: str) -> Area | None:
        """The area below which a unit of an organ is dropped."""
        return self.min_area.get(organ, self.min_area.get(DEFAULT))
