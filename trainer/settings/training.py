"""How a network is led to its weights."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from trainer.settings.base import Brief

Optimizer = Literal["adamw", "adam", "nadam", "radam", "sgd"]
Schedule = Literal["cosine", "poly", "plateau", "constant"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Logbook = Literal["tensorboard", "mlflow"]


class Training(Brief):
    """Optimiser, schedule, precision, and which weights are kept."""

    optimizer: Optimizer = Field("adamw", description="SGD with Nesterov's momentum of 0.9.")
    head_rate: float = Field(
        1.0, gt=0, le=1000,
        description="Rate of all but the encoder, in `learning_rate`s; SegFormer's paper has 10.",
    )  # fmt: skip
    schedule: Schedule = Field("cosine", description="How the learning rate falls.")
    warm_up: float = Field(0.1, ge=0, lt=1, description="Share of the training in which it rises.")
    power: float = Field(0.9, gt=0, le=10, description="Of the schedule poly; 1 is a line.")
    plateau_epochs: int = Field(
        3, ge=1, description="Plateau: the rate is halved after so many without a lower loss."
    )
    accumulate: int = Field(
        1,
        ge=1,
        description="Batches to a step: `batch_size` in memory, so many times as many count.",
    )
    clip: float | None = Field(1.0, gt=0, description="Longest gradient; null for any.")
    precision: Precision = Field(
        "auto", description="Auto is mixed where the device has it and, on a CPU, is faster so."
    )
    checkpointing: bool = Field(
        False, description="Keep less for the way back and work it out anew: slower, smaller."
    )
    ema: float | None = Field(
        None, gt=0, lt=1, description="Keep an average of the weights; 0.999 forgets in 1000 steps."
    )
    average_last: int = Field(
        1, ge=1, le=20, description="Keep the mean of the weights after so many last epochs."
    )
    patience: int | None = Field(
        None, ge=1, description="End after so many epochs without a better held-out Dice."
    )
    logbooks: tuple[Logbook, ...] = Field((), description="Curves go there too, beside the csv.")

    @model_validator(mode="after")
    def _averages_once(self) -> Self:
        if self.ema is not None and self.average_last > 1:
            raise ValueError("`ema` and `average_last` are two ways to average: choose one")
        return self
