"""Augmentation: the random changes that a training image and its mask go through together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from trainer.settings.base import Brief, Settings

StainMethod = Literal["reinhard", "macenko", "vahadane", "histogram"]
Share = Annotated[float, Field(ge=0, le=1)]


class Change(Settings):
    """How strong a change may be, and how often it is made; a number alone is its strength.

    The change of one crop is drawn evenly between none and `strength`, in both directions
    where it has two.
    """

    strength: float = Field(ge=0)
    probability: float = Field(1.0, ge=0, le=1, description="Share of the crops it is made to.")

    @model_validator(mode="before")
    @classmethod
    def _of_a_number(cls, told: object) -> object:
        if isinstance(told, int | float):
            return {"strength": told}
        if not isinstance(told, dict | Change):
            raise ValueError("is neither a number nor `strength` and `probability`")
        return told

    @model_serializer(mode="wrap")
    def _as_a_number(self, dump: SerializerFunctionWrapHandler) -> Any:
        return self.strength if self.probability == 1 else dump(self)

    def __bool__(self) -> bool:
        return self.strength > 0 and self.probability > 0


class Transfer(Brief):
    """Colours brought to those of reference images, one of them at random."""

    references: str = Field(
        description="A tiff, or a folder of them, relative to the recipe's YAML."
    )
    methods: tuple[StainMethod, ...] = Field(
        ("reinhard",), min_length=1, description="Of which one is drawn."
    )
    probability: Share = Field(0.5, description="Share of the crops.")
    blend: tuple[Share, Share] = Field(
        (1.0, 1.0), description="Share of the new colours in the picture, drawn between these."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.blend[0] > self.blend[1]:
            raise ValueError("`blend` wants the smaller share first")
        return self


class Coarser(Brief):
    """Seen as by another scanner: shrunk to its pixel size and enlarged again.

    As the contest's second place did, who knew what its hidden images were made with.
    """

    um: float | None = Field(None, gt=0, description="Side of its pixels in µm.")
    source: str | None = Field(
        None,
        description="In its place: a data source, whose median pixel size of the organ it is.",
    )
    probability: Share = Field(0.5, description="Share of the crops.")

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.um is None) == (self.source is None):
            raise ValueError("needs either `um` or `source`")
        return self


def _change(most: float) -> Any:
    """The type of a change whose strength has a limit."""

    def limited(change: Change) -> Change:
        if change.strength > most:
            raise ValueError(f"is at most {most:g}")
        return change

    return AfterValidator(limited)


_Turn = Annotated[Change, _change(180)]
_Part = Annotated[Change, _change(0.99)]
_Whole = Annotated[Change, _change(1)]
_Half = Annotated[Change, _change(0.5)]
_Pixels = Annotated[Change, _change(20)]


def _at(strength: float) -> Any:
    return Change.model_validate(strength)


class Changes(Brief):
    """Strengths of the random changes; 0 switches one off."""

    ALWAYS: ClassVar[frozenset[str]] = frozenset(
        {"flips", "rotate", "scale", "brightness", "contrast", "saturation", "hue"}
    )

    flips: bool = Field(True, description="Mirror and turn by quarter turns: all eight symmetries.")
    rotate: _Turn = Field(_at(15), description="Largest turn, in degrees.")
    scale: _Part = Field(_at(0.25), description="Largest relative change of size.")
    aspect: _Part = Field(_at(0), description="Largest relative change of width to height.")
    shift: _Half = Field(_at(0), description="Largest move of a crop, in parts of its side.")
    elastic: _Half = Field(_at(0), description="Largest bend, in parts of the crop's side.")
    grid: _Part = Field(_at(0), description="Largest relative change of a grid cell's sides.")
    optical: _Half = Field(_at(0), description="Barrel or pincushion: a lens's distortion k.")
    brightness: _Whole = Field(_at(0.2))
    contrast: _Whole = Field(_at(0.2))
    saturation: _Whole = Field(_at(0.2))
    hue: _Half = Field(_at(0.05), description="Largest turn of the colour circle; 1 is a round.")
    hsv: _Half = Field(
        _at(0), description="Hue, saturation and value, each moved by parts of its range."
    )
    gamma: Annotated[Change, _change(4)] = Field(
        _at(0), description="Largest relative change of the exponent."
    )
    hed: _Half = Field(
        _at(0), description="Haematoxylin, eosin and residual, stretched and moved (density)."
    )
    stains: _Half = Field(_at(0), description="The image's own two stains turned and stretched.")
    transfer: Transfer | None = Field(None, description="Colours of reference images.")
    blur: _Pixels = Field(_at(0), description="Largest sigma of a Gaussian, in pixels.")
    downscale: _Part = Field(
        _at(0), description="Shrunk by at most this part of its side, and enlarged again."
    )
    coarser: Coarser | None = Field(None, description="Seen at another pixel size.")
    noise: _Half = Field(_at(0), description="Largest deviation of a grain, white being 1.")
    jpeg: _Part = Field(_at(0), description="Compressed; the quality is 1 less this at the worst.")
    cutout: _Part = Field(_at(0), description="A square hole, its side in parts of the crop's.")
    cutmix: Share = Field(
        0.0, description="Share of the crops with a window of another of the same organ."
    )
    mosaic: Share = Field(
        0.0, description="Share of the crops that are put together of four of the same organ."
    )


_Changes = TypeVar("_Changes", bound=Changes)


class OrganChanges(Changes):
    """Of one organ: replaces the changes that it names."""

    @model_serializer(mode="wrap")
    def _briefly(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # what the user did not name would replace the common settings when read again
        return {key: value for key, value in dump(self).items() if key in self.model_fields_set}


class Augmentation(Changes):
    """The random changes of all organs, and what differs for single ones."""

    by_organ: dict[str, OrganChanges] = Field(
        default_factory=dict, description="Changes of single organs: they go first."
    )

    def for_organ(self, organ: str) -> Changes:
        """The organ's own changes where it names them, else the common ones."""
        own = self.by_organ.get(organ)
        if own is None:
            return self
        return self.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})

    def transfers(self) -> Iterator[Transfer]:
        """Every transfer of colours that some organ's images may go through."""
        for changes in (self, *self.by_organ.values()):
            if changes.transfer is not None:
                yield changes.transfer

    def beside(self, folder: Path) -> Self:
        """The same, its references found from `folder`, where the recipe's YAML lies."""
        organs = {organ: _beside(own, folder) for organ, own in self.by_organ.items()}
        return _beside(self, folder).model_copy(update={"by_organ": organs})


def _beside(changes: _Changes, folder: Path) -> _Changes:
    if changes.transfer is None:
        return changes
    place = str((folder / changes.transfer.references).resolve())
    moved = changes.transfer.model_copy(update={"references": place})
    return changes.model_copy(update={"transfer": moved})
