"""What a small run tells of a network: what follows what, and whether a copy says the same."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

_SIDE = 64
_LARGER = 256
"""Where a decoder pools a smaller image away."""

_NEAR = 1e-3
"""Relative to the largest logit: what rounding makes of the same sum in another order."""

Then = TypeVar("Then", bound=nn.Module)


class Trial(NamedTuple):
    """A small image, and what a network said of it.

    Attributes
    ----------
    image
        (1, 3, h, w) in 0..255.
    said
        Logits.
    """

    image: Tensor
    said: Tensor


def tried(network: nn.Module) -> Trial:
    """A run of a network that takes (B, 3, H, W) in 0..255, on the CPU."""
    with torch.inference_mode():
        try:
            return Trial(_image(_SIDE), network(_image(_SIDE)))
        except RuntimeError:
            return Trial(_image(_LARGER), network(_image(_LARGER)))


def apart(changed: nn.Module, trial: Trial) -> float | None:
    """How far a changed network is from what was said; None where that is rounding."""
    with torch.inference_mode():
        found = (changed(trial.image) - trial.said).abs().max()
    near = bool(found <= _NEAR * (1 + trial.said.abs().max()))
    return None if near else float(found)


def followed(network: nn.Module, image: Tensor, *kinds: type[Then]) -> list[tuple[nn.Conv2d, Then]]:
    """Convolutions and the modules of some kinds that take what they give, each called once."""
    called: Counter[nn.Module] = Counter()
    given: dict[int, tuple[nn.Conv2d, Tensor, int]] = {}
    pairs: list[tuple[nn.Conv2d, Then]] = []

    def gave(module: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        called[module] += 1
        # kept, so that no other tensor gets its id
        given[id(output)] = (module, output, output._version)

    def takes(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, kinds)
        called[module] += 1
        convolution, _, version = given.get(id(inputs[0]), (None, None, 0))
        # a later version was changed in place on the way, as by ``x += shortcut``
        if convolution is not None and inputs[0]._version == version:
            pairs.append((convolution, module))

    hooks = [m.register_forward_hook(gave) for m in network.modules() if isinstance(m, nn.Conv2d)]
    hooks += [m.register_forward_pre_hook(takes) for m in network.modules() if isinstance(m, kinds)]
    with torch.inference_mode(False), torch.no_grad():  # inference tensors have no versions
        network(image)
    for hook in hooks:
        hook.remove()
    # a normalisation and an activation may both take what one convolution gives
    used = Counter(module for pair in pairs for module in pair)
    return [pair for pair in pairs if all(called[one] == used[one] == 1 for one in pair)]


def _image(side: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 255 * torch.rand(1, 3, side, side, generator=generator)
