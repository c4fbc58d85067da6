"""The eight views are numpy's, and each has its way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch

from trainer.predict.tta import restored, turned, turns
from trainer.settings import View

VIEWS = get_args(View)
BY_NUMPY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda image: image,
    "hflip": np.fliplr,
    "vflip": np.flipud,
    "rot90": np.rot90,
    "rot180": lambda image: np.rot90(image, 2),
    "rot270": lambda image: np.rot90(image, 3),
    "transpose": np.transpose,
    "transverse": lambda image: np.transpose(np.rot90(image, 2)),
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_what_its_name_says_and_comes_back(view: View) -> None:
    image = np.arange(12).reshape(3, 4)
    batch = torch.from_numpy(image.copy())[None, None]
    seen = turned(batch, view)
    assert np.array_equal(seen[0, 0].numpy(), BY_NUMPY[view](image))
    assert turns(view) == (seen.shape[2:] == (4, 3))
    assert torch.equal(restored(seen, view), batch)


def test_the_eight_are_all_there_are() -> None:
    batch = torch.arange(9).reshape(1, 1, 3, 3)
    assert len({tuple(turned(batch, view).flatten().tolist()) for view in VIEWS}) == 8
