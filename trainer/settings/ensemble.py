"""Ensemble: members and how their opinions become one mask, as one YAML file."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal, Self

from pydantic import Field, model_validator

from trainer.settings.base import Probability, Settings
from trainer.settings.postprocess import (
    DenseCrf,
    Masking,
    PostProcessing,
    SourceThresholds,
    Thresholds,
)

Flip = Literal["identity", "hflip", "vflip", "rot180"]
"""A test-time view: the image as it is, mirrored left-right, up-down, or both."""


class Member(Settings):
    """One trained network of an ensemble."""

    weights: str = Field(description="A .safetensors file, relative to the ensemble's YAML.")
    weight: float = Field(1.0, gt=0, description="Its share in the mean.")


class Ensemble(Settings):
    """Members and how their opinions become one mask."""

    name: str
    members: tuple[Member, ...] = Field(min_length=1)
    tta: tuple[Flip, ...] = Field(("identity",), min_length=1)
    threshold: Probability = Field(0.5, description="For organs that `thresholds` leaves out.")
    thresholds: Thresholds = Field(
        default_factory=dict, description="Probability from which a pixel belongs to a unit."
    )
    source_thresholds: SourceThresholds = Field(
        default_factory=dict, description="The same by organ and data source: they go first."
    )
    postprocess: dict[str, PostProcessing] = Field(
        default_factory=dict, description="Steps to a mask by organ, and `default`."
    )

    @property
    def masking(self) -> Masking:
        """How its probabilities become masks."""
        return Masking(
            threshold=self.threshold,
            thresholds=self.thresholds,
            source_thresholds=self.source_thresholds,
            postprocess=self.postprocess,
        )

    def threshold_for(self, organ: str, source: str | None = None) -> float:
        """The source's threshold within its organ, else the organ's own, else the common one."""
        return self.masking.threshold_for(organ, source)

    def crf_for(self, organ: str) -> DenseCrf | None:
        """What the organ's probabilities are refined by, when predicting."""
        return self.masking.steps_for(organ).crf

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        files = [PurePosixPath(member.weights).as_posix() for member in self.members]
        views: list[str] = [*self.tta]
        for kind, names in (("member", files), ("view", views)):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"the {kind} {sorted(twice)[0]} is listed twice")
        return self
