"""Other data in a layer: who listens is told, and another size is measured."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from hubmap_viewer.replacing import replace


def mask(side: int) -> np.ndarray:
    return np.zeros((side, side), np.uint8)


@pytest.mark.parametrize("side", [64, 100], ids=["same size", "other size"])
def test_who_listens_to_a_layer_is_told(side: int) -> None:
    layer = Labels(mask(64))
    told: list[object] = []
    layer.events.data.connect(lambda event: told.append(event.value))
    other = mask(side)
    replace(layer, other)
    assert layer.data is other
    assert told == [other]


def test_napari_measures_the_world_when_the_size_is_another() -> None:
    viewer = ViewerModel()
    levels = [np.zeros((64, 64, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)]
    layer = Image(levels, rgb=True, multiscale=True)
    viewer.add_layer(layer)
    replace(layer, [np.zeros((100, 80, 3), np.uint8), np.zeros((50, 40, 3), np.uint8)])
    assert [axis.stop for axis in viewer.dims.range] == [99, 79]
