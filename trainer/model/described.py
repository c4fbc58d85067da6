"""What weights on disk say of themselves, in a JSON twin beside them; read without torch."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.data.tiff import LARGEST
from trainer.errors import WeightsError
from trainer.settings import Network

_PICKLES = (b"PK\x03\x04", b"\x80")
"""First bytes of a zipped and of a plain pickle."""


class Checkpoint(BaseModel):
    """What a member's weights are: the JSON twin.

    Attributes
    ----------
    size
        Longer side, in pixels, of the images it was trained on and wants.
    trained_on
        Case id to the digest of its image's file: a case in it has been seen in training.
    start
        What the encoder started from.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    network: Network
    size: int = Field(ge=64, le=LARGEST)
    trained_on: dict[str, str] = Field(default_factory=dict)
    recipe: str = ""
    fold: int | None = None
    start: str = ""
    epoch: int | None = None
    val_dice: float | None = None
    version: str = ""

    def has_seen(self, digest: str | None) -> bool:
        """Whether an image with this digest was among the training cases."""
        return digest is not None and digest in self.trained_on.values()


def describe(path: Path) -> Checkpoint:
    """The JSON twin of the weights `path`, without reading these.

    Raises
    ------
    WeightsError
        If the twin is missing or says something unknown, or the weights are a pickle.
    """
    file = twin(path)
    try:
        if path.is_file():
            refuse_pickle(path)
        return Checkpoint.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(
            f"its description {file.name} is missing", file=path, remedy="put it beside the weights"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"cannot be read ({error})", file=file) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"`{step}`: " for step in first["loc"])
        raise WeightsError(
            f"does not describe weights ({place}{first['msg']})",
            file=file,
            remedy="put the twin that was saved with these weights beside them",
        ) from error


def twin(path: Path) -> Path:
    """The JSON file beside the weights."""
    return path.with_suffix(".json")


def refuse_pickle(path: Path) -> None:
    """Raise `WeightsError` where the file is a pickle."""
    with path.open("rb") as file:
        first = file.read(4)
    if first.startswith(_PICKLES):
        raise WeightsError(
            "is a pickle, which can run any program when it is opened",
            file=path,
            remedy="if you trust where it is from, convert it once with"
            " safetensors.torch.save_file(torch.load(FILE, weights_only=True),"
            f" '{path.stem}.safetensors')",
        )
