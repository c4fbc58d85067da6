"""One image at a time under batch norm: refused where nothing can be learned so, else said."""

from __future__ import annotations

import math

from trainer.errors import SettingsError
from trainer.model.bodies import learns_from_one
from trainer.model.network import STRIDE
from trainer.settings import Recipe


def check(recipe: Recipe, share: int) -> str | None:
    """What the user should know of a recipe that shows its network one image at a time.

    Parameters
    ----------
    recipe
        Its `batch_size` are shown at once at the most.
    share
        Images of a step that each process learns from.

    Raises
    ------
    SettingsError
        If the decoder's batch norm cannot learn so.
    """
    if min(recipe.batch_size, share) > 1 or recipe.network.norm == "group":
        return None
    side = STRIDE * math.ceil(recipe.largest_crop / STRIDE)
    if not learns_from_one(recipe.network, side):
        raise refusal(recipe)
    return (
        "Batch norm learns by one image's statistics at a time, and predicts by their running"
        " mean; `norm: group` under `network` is the same in both."
    )


def refusal(recipe: Recipe) -> SettingsError:
    """Why a training by the recipe cannot go on with one image at a time."""
    return SettingsError(
        f"the batch norm of `decoder: {recipe.network.decoder}` cannot learn from one image"
        " at a time",
        remedy="set `norm: group` under `network`, or a `batch_size` of 2 or more",
    )
