"""Other data for a layer that is there, without what napari does only for data of another kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Image, Labels

_NEEDLESS = {"_on_layers_change", "_on_colormap_change"}
"""napari's own listeners to data: the world's extent, and a texture format's shader."""


def replace(layer: Image | Labels, data: Any) -> None:
    """Show other data.

    Parameters
    ----------
    layer
        Its scale and place stay.
    data
        An array, or its levels where the layer has several. If size and type are
        those of before, napari neither measures the world nor builds the layer's
        shader again. Whoever else listens to the layer's data is told as ever.
    """
    if _kind(data) == _kind(layer.data):
        with _nothing_measured(layer):
            layer.data = data
    else:
        layer.data = data


@contextmanager
def _nothing_measured(layer: Image | Labels) -> Iterator[None]:
    told = layer.events.data
    methods = [_method(one) for one in told.callbacks]
    needless = [one for one in methods if one is not None and one.__name__ in _NEEDLESS]
    for one in needless:
        told.block(one)
    try:
        yield
    finally:
        for one in needless:
            told.unblock(one)


def _method(callback: Any) -> Callable[..., None] | None:
    """What is called: napari keeps a method as a weak reference and a name."""
    if not isinstance(callback, tuple):
        return callback
    reference, name = callback
    owner = reference()
    return None if owner is None else getattr(owner, name, None)


def _kind(data: Any) -> list[tuple[tuple[int, ...], object]]:
    """Size and type of every level."""
    levels = [data] if isinstance(data, np.ndarray) else data
    return [(tuple(level.shape), level.dtype) for level in levels]
