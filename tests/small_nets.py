"""Networks that learn in a moment, and what their training leaves."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainer.settings import Network, Recipe, Training, to_yaml

CPU = torch.device("cpu")
TINY = Network(
    encoder="mobilenetv3_small_050", decoder_channels=(16, 16, 8, 8, 8), pretrained=False
)
TINY_RECIPE = Recipe(
    name="tiny", network=TINY, size=96, crop=64, folds=2, epochs=1, batch_size=2,
    training=Training(precision="fp32"),
)  # fmt: skip
"""Two folds of one epoch, in the precision of any machine."""

ALONE = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}


def write_tiny(path: Path) -> Path:
    path.write_text(to_yaml(TINY_RECIPE), "utf-8")
    return path


@contextmanager
def single() -> Iterator[None]:
    """Networks this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Plain(nn.Module):
    """Two layers and no batch statistics: parts of a step do not meet in it.

    `most` samples fit into its memory.
    """

    def __init__(self, most: int = 10**9) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.GroupNorm(2, 6), nn.ReLU(), nn.Conv2d(6, 1, 1)
        )
        self.most = most
        self.seen: list[int] = []

    def forward(self, image: Tensor) -> Tensor:
        self.seen.append(len(image))
        if self.training and len(image) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.layers(image / 255)


class Dropping(Plain):
    """Whose way hangs on chance too."""

    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(image), 0.2, self.training)


def losses(curves: list[dict[str, str]]) -> list[float]:
    return [float(row["train_loss"]) for row in curves]


def weights(fitted: Any) -> Tensor:
    return torch.cat([one.detach().flatten() for one in fitted.module.parameters()])


def curves_of(folder: Path) -> list[list[str]]:
    """All but the seconds."""
    with (folder / "curves.csv").open() as file:
        return [row[:1] + row[2:] for row in csv.reader(file)]
