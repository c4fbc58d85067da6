"""Recipes that train in seconds."""

from __future__ import annotations

import pytest
import torch

from trainer.settings import Network, Recipe

TINY = Network(
    encoder="mobilenetv3_small_050", decoder_channels=(16, 16, 8, 8, 8), pretrained=False
)


@pytest.fixture
def tiny_recipe() -> Recipe:
    """Two folds of one epoch."""
    return Recipe(
        name="tiny", network=TINY, size=96, crop=64, folds=2, epochs=1, batch_size=2, seed=3
    )


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
