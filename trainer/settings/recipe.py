"""Recipe: all that a training depends on, as one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from trainer.settings.augmentation import Augmentation
from trainer.settings.base import Settings
from trainer.settings.ensemble import Inference
from trainer.settings.folds import HoldOut
from trainer.settings.labels import LabelWeights, Pseudo
from trainer.settings.network import Network
from trainer.settings.objective import Objective, of_old_fields
from trainer.settings.sampling import Sampling
from trainer.settings.training import Training
from trainer.settings.tta import View

Side = Annotated[int, Field(ge=64, le=4096)]
Epoch = Annotated[int, Field(ge=0)]


class FromTraining(Inference):
    """The same as a run's ensemble begins with it: four flips, if nothing is said."""

    tta: tuple[View, ...] = Field(
        ("identity", "hflip", "vflip", "rot180"),
        min_length=1,
        description="Flips and turns that members are shown.",
    )


class Recipe(Settings):
    """All that a training depends on.

    Sizes are in pixels of the resized image: an image is scaled so that its
    longer side is ``size`` (or its pixels are ``pixel_size`` wide), and crops of
    ``crop`` are drawn from it; without ``crop`` it is shown whole.
    """

    name: str
    network: Network = Field(default_factory=lambda: Network.model_validate({}))
    augmentation: Augmentation = Field(default_factory=lambda: Augmentation.model_validate({}))
    size: int = Field(512, ge=64, le=4096, description="Longer side of the resized image.")
    pixel_size: float | None = Field(
        None, gt=0, description="Instead of a size: µm per pixel that images are resampled to."
    )
    resize: Literal["pad", "squeeze"] = Field(
        "pad", description="Keep the aspect, or squeeze the image into a square."
    )
    sizes: tuple[Side, ...] = Field(
        (), description="Sizes of which each batch draws one; `size` stays for predictions."
    )
    sizes_from: dict[Epoch, Side] = Field(
        default_factory=dict,
        description="Growing images: the size from an epoch on, counted from 0.",
    )
    crop: int | None = Field(
        384, ge=64, le=4096, description="Side of the square training crop; null: whole images."
    )
    on_units: float = Field(
        0.0, ge=0, le=1, description="Share of the crops that are laid on a unit."
    )
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
    objective: Objective = Field(
        default_factory=lambda: Objective.model_validate({"bce": 0.5, "dice": 0.5}),
        description="What is made small: a weighted sum of losses.",
    )
    training: Training = Field(default_factory=lambda: Training.model_validate({}))
    labels: LabelWeights = Field(default_factory=lambda: LabelWeights.model_validate({}))
    pseudo: Pseudo = Field(default_factory=lambda: Pseudo.model_validate({}))
    sampling: Sampling = Field(default_factory=lambda: Sampling.model_validate({}))
    ensemble: FromTraining = Field(
        default_factory=lambda: FromTraining.model_validate({}),
        description="What its ensemble says besides its members: TTA, thresholds, steps to a mask.",
    )
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="before")
    @classmethod
    def _as_written_before(cls, told: Any) -> Any:
        return of_old_fields(told)

    @property
    def largest(self) -> int:
        """Longer side, in pixels, of the images that training keeps: no batch has larger ones."""
        return max((self.size, *self.sizes, *self.sizes_from.values()))

    @property
    def largest_crop(self) -> int:
        """Side, in pixels, of the largest picture in a batch, as far as the recipe tells."""
        return round((self.crop or self.size) * self.largest / self.size)

    def beside(self, folder: Path) -> Self:
        """The same, the files it names found from `folder`, where its YAML lies."""
        found = {"augmentation": self.augmentation, "ensemble": self.ensemble}
        return self.model_copy(update={key: one.beside(folder) for key, one in found.items()})

    @model_validator(mode="after")
    def _has_one_scale(self) -> Self:
        several = [f"`{name}`" for name in ("sizes", "sizes_from") if getattr(self, name)]
        if self.pixel_size is not None:
            several.insert(0, "`pixel_size`")
        if len(several) > 1:
            raise ValueError(f"{' and '.join(several)} exclude each other")
        if self.pixel_size is not None and self.resize == "squeeze":
            raise ValueError("`resize: squeeze` and `pixel_size` exclude each other")
        return self

    @model_validator(mode="after")
    def _waits_for_something(self) -> Self:
        if self.training.patience is not None and self.hold_out.by == "nothing":
            raise ValueError(
                "`training.patience` and `hold_out: {by: nothing}` exclude each other:"
                " it waits for a better Dice of held-out cases"
            )
        return self
