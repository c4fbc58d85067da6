"""Other data for a layer that is there, without what napari does only for data of another kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Layer


def replace(layer: Layer, data: Any) -> None:
    """Show other data.

    Parameters
    ----------
    layer
        Its scale and place stay.
    data
        An array, or its levels where the layer has several. Of the same type as before
        they need no new shader, and of the same size the world is not measured again.
        Whoever else listens to the layer's data is told as ever.
    """
    before, after = _levels(layer.data), _levels(data)
    needless: set[str] = set()
    if after[0].dtype == before[0].dtype:
        needless.add("_on_colormap_change")
    if [level.shape for level in after] == [level.shape for level in before]:
        needless.add("_on_layers_change")
    with _not_told(layer, needless):
        layer.data = data


def put(layer: Layer, name: str, value: Any) -> None:
    """Set a layer's scale, translation or the like, if it is another.

    napari draws all anew even if it is not.
    """
    if not np.array_equal(getattr(layer, name), value):
        setattr(layer, name, value)


def measure_in(layer: Layer, unit: str) -> None:
    """Have a layer's world be measured in a unit, if it is in another."""
    if str(layer.units[0]) != unit:
        layer.units = (unit, unit)


@contextmanager
def _not_told(layer: Layer, names: set[str]) -> Iterator[None]:
    """Methods of napari of these names do not hear of the layer's data."""
    told = layer.events.data
    methods = [_method(one) for one in told.callbacks]
    needless = [one for one in methods if getattr(one, "__name__", "") in names]
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


def _levels(data: Any) -> Any:
    return [data] if isinstance(data, np.ndarray) else data
