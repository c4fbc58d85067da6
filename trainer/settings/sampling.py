"""How often a training looks at a case."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainer.settings.base import Brief


class Sampling(Brief):
    """How an epoch's crops are shared out; if nothing is said, by the area of the images."""

    balance: tuple[Literal["organ", "source"], ...] = Field(
        (), description="Each organ, or data source, or both together, gets as many crops."
    )
    organs: dict[str, Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=dict, description="By organ: its crops times this; 0 leaves it out."
    )

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        if len(set(self.balance)) < len(self.balance):
            raise ValueError("`balance` names one thing twice")
        return self
