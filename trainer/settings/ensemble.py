"""Ensemble: members and how their opinions become one mask, as one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainer.settings.base import Brief, Probability
from trainer.settings.member import Member
from trainer.settings.postprocess import (
    DenseCrf,
    Masking,
    PostProcessing,
    SourceThresholds,
    Thresholds,
)
from trainer.settings.tta import Average, Stain, View, own_colours

Scale = Annotated[float, Field(ge=0.25, le=4)]
COLDEST, HOTTEST = 0.05, 20.0


class Asked(Brief):
    """Networks that are asked."""

    name: str = Field(description="By which its predictions are known.")
    members: tuple[Member, ...] = Field(min_length=1, description="Networks that are asked.")

    @model_validator(mode="after")
    def _nobody_twice(self) -> Self:
        for index, member in enumerate(self.members):
            if any(member.is_shown_as(other) for other in self.members[:index]):
                raise ValueError(f"the member {member.source} is listed twice")
        return self


class Inference(Brief):
    """How members are shown an image, and how their opinions become one mask."""

    ALWAYS: ClassVar[frozenset[str]] = frozenset({"tta", "threshold", "thresholds"})

    tta: tuple[View, ...] = Field(
        ("identity",), min_length=1, description="Flips and turns that members are shown."
    )
    tta_scales: tuple[Scale, ...] = Field(
        (1.0,), min_length=1, description="Sizes that members are shown, relative to their own."
    )
    tta_stains: tuple[Stain, ...] = Field(
        default_factory=own_colours, min_length=1, description="Colours that members are shown."
    )
    tta_average: Average = Field(
        "probability", description="What a member's views are averaged in."
    )
    fusion: Literal["mean", "geometric", "vote"] = Field(
        "mean", description="How members' opinions become one: weighted mean, geometric, or votes."
    )
    votes: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="Of a vote: members needed, by organ; if left out, more than half.",
    )
    temperatures: dict[str, Annotated[float, Field(ge=COLDEST, le=HOTTEST)]] = Field(
        default_factory=dict,
        description="By organ: what the logits of the fused probability are divided by.",
    )
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

    def beside(self, folder: Path) -> Self:
        """The same, its references found from `folder`, where its YAML lies."""
        return self.model_copy(
            update={"tta_stains": tuple(stain.beside(folder) for stain in self.tta_stains)}
        )

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        views: list[str] = [*self.tta]
        scales = [f"{scale:g}" for scale in self.tta_scales]
        stains = [f"{stain.method} {stain.reference or ''}".strip() for stain in self.tta_stains]
        for kind, names in (("view", views), ("scale", scales), ("stain", stains)):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"the {kind} {sorted(twice)[0]} is listed twice")
        return self

    @model_validator(mode="after")
    def _votes_are_counted(self) -> Self:
        if self.votes and self.fusion != "vote":
            raise ValueError("`votes` are of `fusion: vote`")
        return self


class Ensemble(Inference, Asked):
    """Members and how their opinions become one mask."""

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

    def stains_for(self, organ: str) -> tuple[Stain, ...]:
        """The organ's views in other colours; where none is its own, the image as it is."""
        return tuple(stain for stain in self.tta_stains if stain.serves(organ)) or own_colours()
