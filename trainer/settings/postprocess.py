"""How probabilities become masks: thresholds, and the steps after them, by organ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from trainer.settings.base import Probability, Settings

DEFAULT = "default"
"""The group of steps for organs that have none of their own."""

Thresholds = dict[str, Probability]
"""By organ."""

SourceThresholds = dict[str, dict[str, Probability]]
"""By organ, then by the cohort's `data_source`."""


class Area(Settings):
    """An area in one of three units; a number alone is in pixels."""

    px: float | None = Field(None, ge=0, description="In pixels of the image's own size.")
    um2: float | None = Field(None, ge=0, description="In µm²; asks for the case's pixel size.")
    share: float | None = Field(None, ge=0, le=1, description="Of the whole image, 0 to 1.")

    @model_validator(mode="before")
    @classmethod
    def _of_a_number(cls, told: object) -> object:
        if isinstance(told, int | float) and not isinstance(told, bool):
            return {"px": told}
        if not isinstance(told, dict | Area):
            raise ValueError("is neither a number of pixels nor one of `px`, `um2` and `share`")
        return told

    @model_validator(mode="after")
    def _in_one_unit(self) -> Self:
        if sum(size is not None for size in (self.px, self.um2, self.share)) != 1:
            raise ValueError("wants one of `px`, `um2` and `share`")
        return self

    @model_serializer(mode="wrap")
    def _briefly(self, dump: SerializerFunctionWrapHandler) -> Any:
        return {unit: size for unit, size in dump(self).items() if size is not None}


class _Switched(Settings):
    """A step that ``true`` switches on as it comes."""

    @model_validator(mode="before")
    @classmethod
    def _of_a_switch(cls, told: object) -> object:
        return {} if told is True else told


class Split(_Switched):
    """Where a unit is two: at a neck, by a watershed of the distance from its outline."""

    neck: float = Field(
        0.6,
        gt=0,
        lt=1,
        description="Cut where the neck is narrower than this share of the narrower part.",
    )
    narrowest: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="A part counts from this share of its unit's greatest width on.",
    )


class DenseCrf(_Switched):
    """A fully connected CRF; positions are in pixels of the network's resolution."""

    iterations: int = Field(5, ge=1, le=50, description="Of the mean field.")
    smooth_weight: float = Field(3.0, ge=0, description="Of near pixels agreeing.")
    smooth_sigma: float = Field(3.0, gt=0, description="How near, in pixels.")
    colour_weight: float = Field(10.0, ge=0, description="Of near pixels of one colour agreeing.")
    colour_sigma: float = Field(13.0, gt=0, description="How like in colour, in steps of 1/255.")
    place_sigma: float = Field(60.0, gt=0, description="How near those are, in pixels.")


class PostProcessing(Settings):
    """The steps from a probability to a mask, in the order in which they are taken.

    Lengths are in pixels of the image's own size. What a group does not name it does not
    change: an organ's own group replaces the keys that it names of the default's.
    """

    crf: DenseCrf | None = Field(
        None, description="Refine the probability by the image, when predicting."
    )
    never_empty: bool = Field(
        False, description="Lower the threshold until something is left of the mask."
    )
    low: Probability | None = Field(
        None,
        description="Hysteresis: keep pixels from this probability on that are connected with"
        " one that reaches the threshold. Without effect from the threshold up.",
    )
    closing: int = Field(0, ge=0, le=100, description="Radius of the disc, in pixels.")
    opening: int = Field(0, ge=0, le=100, description="Radius of the disc, in pixels.")
    fill_holes: bool = Field(False, description="Fill enclosed ground.")
    split: Split | None = Field(None, description="Part touching units.")
    erode: int = Field(0, ge=0, le=100, description="Take this many pixels off every outline.")
    min_probability: Probability | None = Field(
        None, description="Units go whose pixels' mean probability is lower."
    )
    min_area: Area | None = Field(None, description="Smaller units go.")

    @field_validator("split", "crf", mode="before")
    @classmethod
    def _off(cls, told: object) -> object:
        return None if told is False else told

    @model_serializer(mode="wrap")
    def _named(self, dump: SerializerFunctionWrapHandler) -> Any:
        # a key that the user did not name would replace the default's when read again
        return {key: value for key, value in dump(self).items() if key in self.model_fields_set}

    def over(self, default: PostProcessing) -> PostProcessing:
        """These settings where they are named, else the default's."""
        own = {key: getattr(self, key) for key in self.model_fields_set}
        return default.model_copy(update=own)

    @property
    def changes_masks(self) -> bool:
        """Whether a mask is anything else than the pixels from a threshold on."""
        plain = PostProcessing.model_validate({"crf": self.crf})
        return any(getattr(self, key) != getattr(plain, key) for key in type(self).model_fields)


class Masking(Settings):
    """All that masks depend on but the probability: what `prediction.json` says of it."""

    threshold: Probability = 0.5
    thresholds: Thresholds = Field(default_factory=dict)
    source_thresholds: SourceThresholds = Field(default_factory=dict)
    postprocess: dict[str, PostProcessing] = Field(default_factory=dict)

    @classmethod
    def told(cls, description: Mapping[str, Any]) -> Self:
        """What a description says of it; older ones say less.

        Raises
        ------
        ValidationError
            If it says what cannot be.
        """
        known = {key: description[key] for key in cls.model_fields if key in description}
        return cls.model_validate(known, strict=True)

    def description(self) -> dict[str, Any]:
        """What `told` reads; keys that say nothing are left out."""
        kept = self.model_dump(mode="json")
        return {
            key: value for key, value in kept.items() if value or key in ("threshold", "thresholds")
        }

    def threshold_for(self, organ: str, source: str | None = None) -> float:
        """The source's threshold within its organ, else the organ's own, else the common one."""
        own = self.thresholds.get(organ, self.threshold)
        return self.source_thresholds.get(organ, {}).get(source or "", own)

    def steps_for(self, organ: str) -> PostProcessing:
        """The organ's own steps over the default ones."""
        nothing = PostProcessing.model_validate({})
        default = self.postprocess.get(DEFAULT, nothing)
        return self.postprocess.get(organ, nothing).over(default)

    def threshold_of(self, organs: set[str]) -> dict[str | tuple[str, str], float]:
        """Thresholds of organs, and of (organ, data source) where that has its own."""
        of_organ: dict[str | tuple[str, str], float] = {
            organ: self.threshold_for(organ) for organ in organs
        }
        return of_organ | {
            (organ, source): threshold
            for organ in organs
            for source, threshold in self.source_thresholds.get(organ, {}).items()
        }

    @property
    def changes_masks(self) -> bool:
        """Whether some organ's mask is anything else than the pixels from a threshold on."""
        return any(self.steps_for(organ).changes_masks for organ in self.postprocess)
