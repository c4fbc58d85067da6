"""Recipe: all that a training depends on, as one YAML file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from trainer.settings.base import Settings
from trainer.settings.folds import HoldOut
from trainer.settings.labels import LabelWeights, Pseudo
from trainer.settings.sampling import Sampling


class Network(Settings):
    """What a member's network is made of: enough to build it again."""

    encoder: str = Field("tf_efficientnet_lite0", description="An encoder of timm.")
    decoder: Literal["unet", "fpn"] = Field("unet", description="A decoder of smp.")
    decoder_channels: tuple[int, ...] = Field(
        (128, 64, 32, 16, 16), description="Channels of the decoder's stages, deepest first."
    )
    pretrained: bool = Field(True, description="Start the encoder from ImageNet weights.")


class Augmentation(Settings):
    """Strengths of the random changes a training image goes through; 0 switches one off."""

    flips: bool = Field(True, description="Mirror and turn by quarter turns.")
    rotate: float = Field(15.0, ge=0, le=180, description="Largest turn, in degrees.")
    scale: float = Field(0.25, ge=0, lt=1, description="Largest relative change of size.")
    brightness: float = Field(0.2, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, le=1)
    saturation: float = Field(0.2, ge=0, le=1)
    hue: float = Field(0.05, ge=0, le=0.5)


class Recipe(Settings):
    """All that a training depends on.

    Sizes are in pixels of the resized image: an image is scaled so that its
    longer side is ``size``, and crops of ``crop`` are drawn from it.
    """

    name: str
    network: Network = Field(default_factory=lambda: Network.model_validate({}))
    augmentation: Augmentation = Field(default_factory=lambda: Augmentation.model_validate({}))
    size: int = Field(512, ge=64, le=4096, description="Longer side of the resized image.")
    crop: int = Field(384, ge=64, le=4096, description="Side of the square training crop.")
    folds: int = Field(3, ge=2, le=20, description="K: each fold trains one member.")
    hold_out: HoldOut = Field(default_factory=lambda: HoldOut.model_validate({}))
    organs: tuple[str, ...] = Field(
        (), description="Learn these organs only; the members then serve no other. All if empty."
    )
    external: tuple[str, ...] = Field(
        (), description="Cohorts to learn from besides, relative to the cohort; never measured on."
    )
    epochs: int = Field(60, ge=1, description="Passes over the training cases, at the most.")
    minutes: float | None = Field(
        None, gt=0, description="Time for the whole training, shared by its folds."
    )
    batch_size: int = Field(8, ge=1)
    learning_rate: float = Field(1e-3, gt=0, le=1)
    weight_decay: float = Field(1e-2, ge=0)
    bce_weight: float = Field(0.5, ge=0)
    dice_weight: float = Field(0.5, ge=0)
    labels: LabelWeights = Field(default_factory=lambda: LabelWeights.model_validate({}))
    pseudo: Pseudo = Field(default_factory=lambda: Pseudo.model_validate({}))
    sampling: Sampling = Field(default_factory=lambda: Sampling.model_validate({}))
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        if self.bce_weight == self.dice_weight == 0:
            raise ValueError("`bce_weight` and `dice_weight` are both 0: there is nothing to learn")
        return self
