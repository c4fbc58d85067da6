"""Which cases a member never sees."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainer.settings.base import Brief

Spread = Literal["source", "sex", "age"]


class HoldOut(Brief):
    """Which cases a member never sees; if nothing is said, K folds, each organ spread evenly."""

    by: Literal["fold", "source", "nothing"] = Field(
        "fold",
        description="K folds; or a fold a data source; or nothing: one member of all cases.",
    )
    spread: tuple[Spread, ...] = Field(
        (), description="What is spread over the folds within an organ, age by bins of 20 years."
    )
    file: str | None = Field(
        None, description="A csv (id, fold) instead, relative to the cohort: a run's folds.csv."
    )
    only: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="Train these folds alone, counted from 0; all if empty."
    )

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if self.by != "fold" and (self.spread or self.file):
            told = "spread" if self.spread else "file"
            raise ValueError(f"`{told}` and `by: {self.by}` exclude each other")
        if self.file and self.spread:
            raise ValueError("`spread` and `file` exclude each other: the file has dealt already")
        if self.by == "nothing" and self.only:
            raise ValueError("`only` and `by: nothing` exclude each other: there are no folds")
        if len(set(self.only)) < len(self.only):
            raise ValueError("a fold of `only` is listed twice")
        return self
