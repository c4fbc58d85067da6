"""Recipe and ensemble: the two YAML files on which all else depends."""

from __future__ import annotations

import difflib
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from trainer.errors import SettingsError

Flip = Literal["identity", "hflip", "vflip", "rot180"]
"""A test-time view: the image as it is, mirrored left-right, up-down, or both."""

Probability = Annotated[float, Field(gt=0, lt=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Network(_Settings):
    """What a member's network is made of: enough to build it again."""

    encoder: str = Field("tf_efficientnet_lite0", description="An encoder of timm.")
    decoder: Literal["unet", "fpn"] = Field("unet", description="A decoder of smp.")
    decoder_channels: tuple[int, ...] = Field(
        (128, 64, 32, 16, 16), description="Channels of the decoder's stages, deepest first."
    )
    pretrained: bool = Field(True, description="Start the encoder from ImageNet weights.")


class Augmentation(_Settings):
    """Strengths of the random changes a training image goes through; 0 switches one off."""

    flips: bool = Field(True, description="Mirror and turn by quarter turns.")
    rotate: float = Field(15.0, ge=0, le=180, description="Largest turn, in degrees.")
    scale: float = Field(0.25, ge=0, lt=1, description="Largest relative change of size.")
    brightness: float = Field(0.2, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, le=1)
    saturation: float = Field(0.2, ge=0, le=1)
    hue: float = Field(0.05, ge=0, le=0.5)


Weight = Annotated[float, Field(ge=0, le=100)]
"""Of a label: what a gradient is multiplied by; 0 leaves its case out."""


class Predicted(_Settings):
    """What a label is worth that started from a prediction; a number alone is its weight."""

    weight: Weight = Field(1.0)
    min_confidence: float = Field(
        0.0, ge=0, le=1, description="Of the prediction, by its own reckoning; below, it is out."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_a_number(cls, told: object) -> object:
        if isinstance(told, int | float):
            return {"weight": told}
        if not isinstance(told, dict | Predicted):
            raise ValueError("is neither a number nor `weight` and `min_confidence`")
        return told

    @model_serializer(mode="wrap")
    def _as_a_number(self, dump: SerializerFunctionWrapHandler) -> Any:
        return dump(self) if self.min_confidence else self.weight


def _predicted() -> Predicted:
    return Predicted.model_validate({})


class LabelWeights(_Settings):
    """What labels are worth by their origin; of `raw_prediction` nobody has changed a pixel."""

    truth: Weight = Field(1.0)
    redrawn: Weight = Field(1.0)
    edited_prediction: Predicted = Field(default_factory=_predicted)
    raw_prediction: Predicted = Field(default_factory=_predicted)

    @model_validator(mode="after")
    def _takes_something(self) -> Self:
        predicted = (self.edited_prediction.weight, self.raw_prediction.weight)
        if not any((self.truth, self.redrawn, *predicted)):
            raise ValueError("every weight is 0: there is nothing to learn")
        return self


class Recipe(_Settings):
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
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        if self.bce_weight == self.dice_weight == 0:
            raise ValueError("`bce_weight` and `dice_weight` are both 0: there is nothing to learn")
        return self


class Member(_Settings):
    """One trained network of an ensemble."""

    weights: str = Field(description="A .safetensors file, relative to the ensemble's YAML.")
    weight: float = Field(1.0, gt=0, description="Its share in the mean.")


class Ensemble(_Settings):
    """Members and how their opinions become one mask."""

    name: str
    members: tuple[Member, ...] = Field(min_length=1)
    tta: tuple[Flip, ...] = Field(("identity",), min_length=1)
    threshold: Probability = Field(0.5, description="For organs that `thresholds` leaves out.")
    thresholds: dict[str, Probability] = Field(
        default_factory=dict, description="Probability from which a pixel belongs to a unit."
    )

    def threshold_for(self, organ: str) -> float:
        """The organ's own threshold, or the common one."""
        return self.thresholds.get(organ, self.threshold)

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        files = [PurePosixPath(member.weights).as_posix() for member in self.members]
        views: list[str] = [*self.tta]
        for kind, names in (("member", files), ("view", views)):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"the {kind} {sorted(twice)[0]} is listed twice")
        return self


_Model = TypeVar("_Model", bound=_Settings)

_REMEDY = "name the YAML of a recipe or an ensemble, or a run's folder"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe's YAML.

    Raises
    ------
    SettingsError
        If the file is missing, is not YAML, or says something unknown or out of range.
    """
    return _read(Recipe, path)


def read_ensemble(path: Path) -> Ensemble:
    """Read an ensemble's YAML; of a run's folder, its ``ensemble.yaml``.

    Raises
    ------
    SettingsError
        If the file is missing, is not YAML, or says something unknown or out of range.
    """
    return _read(Ensemble, path / "ensemble.yaml" if path.is_dir() else path)


def to_yaml(settings: BaseModel) -> str:
    """The settings as the YAML text that reads back to them."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read(model: type[_Model], path: Path) -> _Model:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError("there is no such file", file=path, remedy=_REMEDY) from None
    except OSError as error:
        raise SettingsError(f"cannot be read ({error.strerror})", file=path) from error
    except UnicodeDecodeError as error:
        raise SettingsError("is no text", file=path, remedy=_REMEDY) from error
    except RecursionError as error:
        raise SettingsError("is nested too deeply", file=path, remedy=_REMEDY) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise SettingsError(
            "is not YAML", file=path, row=None if mark is None else mark.line + 1
        ) from error
    if not isinstance(data, dict):
        raise SettingsError("holds no `key: value` lines", file=path, remedy=_REMEDY)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SettingsError(_explain(model, error), file=path) from error


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    """One clause a problem; an unknown key is met with the nearest known one."""
    details = error.errors()
    places = [detail["loc"] for detail in details]
    return "; ".join(
        _clause(model, place, detail)
        for place, detail in zip(places, details, strict=True)
        # a list that lost its bad items is not "too short" besides
        if not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    )


def _clause(model: type[BaseModel], loc: tuple[int | str, ...], detail: object) -> str:
    assert isinstance(detail, dict)
    place = ".".join(str(step) for step in loc)
    if detail["type"] != "extra_forbidden":
        return f"`{place}`: {detail['msg'].removeprefix('Value error, ')}".replace("``: ", "")
    known = list(_model_at(model, loc[:-1]).model_fields)
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.0)
    return f"unknown key `{place}` (did you mean `{near[0]}`?)" if near else f"unknown `{place}`"


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The settings class that the place `loc` belongs to."""
    for step in loc:
        if isinstance(step, int):
            continue
        annotation = model.model_fields[step].annotation
        candidates = (annotation, *getattr(annotation, "__args__", ()))
        model = next(
            kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)
        )
    return model
