"""What a step makes small: the recipe's sum of losses, of the mask and of all else taught."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.model import targets
from trainer.settings import Objective
from trainer.train import losses
from trainer.train.batch import Batch

Loss = Callable[[Tensor, Tensor], Tensor]


class Aim:
    """A recipe's objective at work.

    Parameters
    ----------
    settings
        Which losses, with their shares.
    """

    def __init__(self, settings: Objective) -> None:
        self._settings = settings
        self._parts = [(share, _loss(name, settings)) for name, share in settings.losses().items()]

    def of_mask(self, logits: Tensor, target: Tensor) -> Tensor:
        """The weighted sum for logits and a target in 0..1, both (B, 1, H, W)."""
        total = logits.new_zeros(())
        for share, loss in self._parts:
            total = total + share * loss(logits, target)
        return total

    def of_batch(self, logits: Tensor, auxiliary: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """The same for a batch, with what the network was taught besides.

        Parameters
        ----------
        logits
            Of the mask, float32 (B, 1, H, W).
        auxiliary
            Further outputs by name, as `trainer.model.heads.Outputs` has them.
        batch
            Whose weights multiply the gradients of its samples.
        """
        target = batch.coverage.float() / 255
        softened = losses.soften(target, self._settings.soften)
        total = self.of_mask(losses.weighed(logits, batch.worth), softened)
        said = {name: losses.weighed(one.float(), batch.worth) for name, one in auxiliary.items()}
        deep = sorted(name for name in said if name.startswith("deep"))
        shares = self._settings.auxiliary.deep
        for index, name in enumerate(deep):
            share = shares[min(index, len(shares) - 1)]
            total = total + share * self.of_mask(said[name], _at(softened, said[name]))
        for name in sorted(said.keys() - {*deep}):
            if share := getattr(self._settings.auxiliary, name):
                total = total + share * self._besides(name, said[name], target, batch)
        return total

    def _besides(self, name: str, said: Tensor, target: Tensor, batch: Batch) -> Tensor:
        match name:
            case "boundary":
                return losses.bce(said, _at(targets.boundary(target), said))
            case "distance" | "skeleton":
                return (said - _at(targets.MAPS[name](target), said)).abs().mean()
            case "organ":
                return organ_loss(said, batch.organ)
            case "pixel_size":
                return pixel_size_loss(said, batch.pixel_size)
            case _:
                raise ValueError(f"no loss is known for the output {name}")


def organ_loss(logits: Tensor, organ: Tensor | None) -> Tensor:
    """Cross-entropy of logits (B, organs), of the samples whose organ is among them."""
    if organ is None:
        return 0 * logits.sum()
    known = int((organ >= 0).sum())
    summed = F.cross_entropy(logits, organ, ignore_index=-1, reduction="sum")
    return summed / max(1, known)


def pixel_size_loss(said: Tensor, pixel_size: Tensor | None) -> Tensor:
    """Mean absolute error, (B, 1), of those pixel sizes in µm, (B,), that are known."""
    if pixel_size is None:
        return 0 * said.sum()
    known = pixel_size.isfinite()[:, None]
    wanted = targets.pixel_size(torch.where(known[:, 0], pixel_size, 0))
    return torch.where(known, (said - wanted).abs(), 0).sum() / known.sum().clamp_min(1)


def _at(target: Tensor, like: Tensor) -> Tensor:
    """A map at another's size: each pixel the mean of what it covers."""
    size = (like.shape[-2], like.shape[-1])
    return target if target.shape[-2:] == size else F.adaptive_avg_pool2d(target, size)


def _loss(name: str, settings: Objective) -> Loss:
    prices = {
        "false_positive": settings.false_positive,
        "false_negative": settings.false_negative,
    }
    weight = settings.positive_weight
    every: dict[str, Loss] = {
        "bce": partial(losses.bce, positive_weight=weight),
        "dice": losses.soft_dice,
        "jaccard": losses.jaccard,
        "tversky": partial(losses.tversky, **prices),
        "focal": partial(losses.focal, focus=settings.focus, positive_weight=weight),
        "focal_tversky": partial(losses.focal_tversky, **prices, focus=settings.tversky_focus),
        "lovasz": losses.lovasz,
        "boundary": losses.boundary,
        "gaps": partial(losses.gaps, width=settings.gap_width),
    }
    return every[name]
