"""Member: one trained network of an ensemble, and what it is shown."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainer.settings.base import Brief

Side = Annotated[int, Field(ge=32, le=8192)]
Share = Annotated[float, Field(gt=0)]

_INPUTS = ("size", "sizes", "pixel_size")
_WHAT_IT_IS = {"weights", "run", "weight", "weights_by_organ"}


class Window(Brief):
    """The image in square windows that overlap, blended by a Gaussian around their centres."""

    size: Side = Field(multiple_of=32, description="Side of a window, in pixels as resized.")
    overlap: float = Field(
        0.25,
        ge=0,
        le=0.9,
        description="Share of its side that a window has in common with the next.",
    )
    skip_background: bool = Field(
        True, description="Pass over windows without tissue; what only they show gets 0."
    )


class Member(Brief):
    """One trained network of an ensemble, or all folds of a run."""

    ALWAYS: ClassVar[frozenset[str]] = frozenset({"weight"})

    weights: str | None = Field(
        None, description="A .safetensors file, relative to the ensemble's YAML."
    )
    run: str | None = Field(
        None, description="Instead of a file: a run's folder, relative to the YAML."
    )
    fold: int | None = Field(
        None, ge=0, description="The run's fold, counted from 0; if left out, each is a member."
    )
    weight: float = Field(1.0, gt=0, description="Its share in the mean.")
    weights_by_organ: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="Its share for single organs; 0: it is not asked."
    )
    organs: tuple[str, ...] = Field((), description="Only these organs are its; all if empty.")
    size: Side | None = Field(
        None, description="Longer side of the resized image; if left out, as it was trained."
    )
    sizes: dict[Side, Share] = Field(
        default_factory=dict, description="Several such sizes, each with its share in its opinion."
    )
    pixel_size: float | None = Field(
        None, gt=0, description="Instead of a size: µm per pixel that images are resampled to."
    )
    resize: Literal["pad", "squeeze"] = Field(
        "pad", description="Keep the aspect, or squeeze the image into a square."
    )
    window: Window | None = Field(
        None, description="Slide a window over the resized image; else it is shown whole."
    )

    @property
    def source(self) -> str:
        """Its file or run as the YAML names it."""
        place = PurePosixPath(self.weights or self.run or "").as_posix()
        return place if self.fold is None else f"{place} fold {self.fold}"

    def weight_for(self, organ: str) -> float:
        """Its share in the mean for an organ; 0 for one that is not its own."""
        if self.organs and organ not in self.organs:
            return 0.0
        return self.weights_by_organ.get(organ, self.weight)

    def is_shown_as(self, other: Member) -> bool:
        """Whether the two are the same network with the same input for the same organs."""
        mine, theirs = (one.model_dump(exclude=_WHAT_IT_IS) for one in (self, other))
        return self.source == other.source and mine == theirs

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.weights is None) == (self.run is None):
            raise ValueError("needs either `weights` or `run`")
        if self.fold is not None and self.run is None:
            raise ValueError("`fold` is of a `run`, not of `weights`")
        told = [f"`{name}`" for name in _INPUTS if getattr(self, name)]
        if len(told) > 1:
            raise ValueError(f"{' and '.join(told)} exclude each other")
        if self.resize == "squeeze" and (self.pixel_size or self.window):
            other = "pixel_size" if self.pixel_size else "window"
            raise ValueError(f"`resize: squeeze` and `{other}` exclude each other")
        return self
