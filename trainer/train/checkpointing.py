"""Activation checkpointing: keep what goes into a block, and work its inside out again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


@contextlib.contextmanager
def checkpointed(network: nn.Module, on: bool = True) -> Iterator[None]:
    """While this holds, a network in training keeps less for the way back, and takes longer.

    The blocks are the outermost entries of the network's lists and sequences that have layers
    of their own, in encoder and decoder alike. Weights, their names and what is learned stay.
    Chen, T. et al., "Training deep nets with sublinear memory cost", 2016.
    """
    blocks = list(_blocks(network)) if on else []
    for block in blocks:
        block.forward = partial(_again, block, block.forward)
    try:
        yield
    finally:
        for block in blocks:
            del block.forward


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    in_row = isinstance(module, nn.Sequential | nn.ModuleList)
    for child in module.children():
        if in_row and any(True for _ in child.children()) and not isinstance(child, nn.ModuleList):
            yield child
        else:
            yield from _blocks(child)


def _again(block: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not block.training:
        return forward(*args, **kwargs)
    return checkpoint(
        forward,
        *args,
        use_reentrant=False,
        context_fn=lambda: (contextlib.nullcontext(), _uncounted(block)),
        **kwargs,
    )


@contextlib.contextmanager
def _uncounted(block: nn.Module) -> Iterator[None]:
    """Batch statistics have seen the batch the first time."""
    norms = [one for one in block.modules() if isinstance(one, _BatchNorm)]
    before = [one.momentum for one in norms]
    for one in norms:
        one.momentum = 0.0
    try:
        yield
    finally:
        for one, momentum in zip(norms, before, strict=True):
            one.momentum = momentum
