"""What a label is worth by where it came from."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from trainer.settings.base import Settings

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

    @model_validator(mode="after")
    def _takes_something(self) -> Self:
        predicted = (self.edited_prediction.weight, self.raw_prediction.weight)
        if not any((self.truth, self.redrawn, *predicted)):
            raise ValueError("every weight is 0: there is nothing to learn")
        return self
