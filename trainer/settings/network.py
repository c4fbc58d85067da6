"""What a network is made of: encoder, decoder, and what it is taught besides the mask."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainer.data.case import ORGANS
from trainer.settings.base import Settings

Decoder = Literal[
    "unet",
    "unet++",
    "fpn",
    "deeplabv3",
    "deeplabv3+",
    "upernet",
    "segformer",
    "pan",
    "linknet",
    "manet",
    "pspnet",
    "daformer",
    "daformer-conv3x3",
    "fpn-aspp-unet",
]

Auxiliary = Literal[
    "deep1",
    "deep2",
    "deep3",
    "deep4",
    "deep5",
    "organ",
    "pixel_size",
    "boundary",
    "distance",
    "skeleton",
]
"""`deepN` is the mask as the decoder's N-th stage sees it, the deepest being the first."""


class Network(Settings):
    """What a member's network is made of: enough to build it again."""

    encoder: str = Field(
        "tf_efficientnet_lite0", description="An encoder of timm or smp; `models` names some."
    )
    decoder: Decoder = Field("unet", description="A decoder of smp, or one of the project's own.")
    decoder_channels: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (),
        description="Channels of the decoder's stages, deepest first; of a decoder of one width"
        " the first counts. If left out, the decoder's own.",
    )
    norm: Literal["batch", "group"] = Field(
        "batch", description="Of the decoder; group norm also learns from batches of 1."
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Of the decoder's last features.")
    drop_path: float | None = Field(
        None, ge=0, lt=1, description="Of timm's encoders; if left out, the encoder's own."
    )
    pretrained: bool = Field(True, description="Start the encoder from ImageNet weights.")
    auxiliary: tuple[Auxiliary, ...] = Field(
        (),
        description="Also taught: deep1 … deep5, organ, pixel_size, boundary, distance, skeleton.",
    )
    organ_input: bool = Field(False, description="Tell the network each image's organ.")
    organs: tuple[str, ...] = Field(
        ORGANS, min_length=1, description="Those that `organ` and `organ_input` tell apart."
    )

    def organ_index(self, organ: str) -> int | None:
        """The organ's place among `organs`; None for another."""
        return self.organs.index(organ) if organ in self.organs else None

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        for names in (self.auxiliary, self.organs):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"`{sorted(twice)[0]}` is listed twice")
        return self
