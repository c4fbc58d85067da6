"""The eight views of a batch, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.settings import View

_WAYS: dict[View, tuple[bool, tuple[int, ...]]] = {
    "identity": (False, ()),
    "hflip": (False, (3,)),
    "vflip": (False, (2,)),
    "rot180": (False, (2, 3)),
    "transpose": (True, ()),
    "rot90": (True, (2,)),
    "rot270": (True, (3,)),
    "transverse": (True, (2, 3)),
}
"""Whether rows become columns, and the axes of (B, C, H, W) that are mirrored after that."""


def turns(view: View) -> bool:
    """Whether height and width change places."""
    return _WAYS[view][0]


def turned(batch: Tensor, view: View) -> Tensor:
    """A batch (B, C, H, W) as the view has it."""
    transposed, axes = _WAYS[view]
    return torch.flip(batch.transpose(2, 3) if transposed else batch, axes)


def restored(batch: Tensor, view: View) -> Tensor:
    """The batch that `turned` made the view of."""
    transposed, axes = _WAYS[view]
    back = torch.flip(batch, axes)
    return back.transpose(2, 3) if transposed else back
