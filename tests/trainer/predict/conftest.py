"""Small trained members, and pictures whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pictures import NETWORK, picture
from small_nets import single
from trainer.model.checkpoint import Checkpoint, save
from trainer.model.network import Segmenter, build
from trainer.settings import Member


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    with single():
        yield


@pytest.fixture(scope="session")
def trained() -> Segmenter:
    """A network that knows discs, in evaluation mode."""
    torch.manual_seed(0)
    module = build(NETWORK).module
    optimiser = torch.optim.AdamW(module.parameters(), 3e-3)
    for step in range(45):
        pairs = [picture(64, 64, seed=8 * step + index) for index in range(8)]
        images = torch.from_numpy(np.stack([image for image, _ in pairs])).permute(0, 3, 1, 2)
        masks = torch.from_numpy(np.stack([mask for _, mask in pairs]))[:, None]
        loss = F.binary_cross_entropy_with_logits(module(images.float()), masks.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return module.eval()


@pytest.fixture
def member(tmp_path: Path, trained: Segmenter) -> Callable[..., Member]:
    """Writes one more member: trained, or of one opinion everywhere."""
    count = 0

    def write(
        *,
        says: float | None = None,
        weight: float = 1.0,
        size: int = 64,
        trained_on: tuple[str, ...] = (),
    ) -> Member:
        nonlocal count
        count += 1
        module = trained if says is None else _of_one_opinion(says)
        seen = {str(index): digest for index, digest in enumerate(trained_on)}
        description = Checkpoint(network=NETWORK, size=size, trained_on=seen)
        save(tmp_path / f"{count}.safetensors", module, description)
        return Member(weights=f"{count}.safetensors", weight=weight)

    return write


def _of_one_opinion(probability: float) -> Segmenter:
    module = build(NETWORK).module
    head = module.body.get_submodule("segmentation_head.0")
    assert isinstance(head, torch.nn.Conv2d) and head.bias is not None
    with torch.no_grad():
        head.weight.zero_()
        head.bias.fill_(float(torch.logit(torch.tensor(probability))))
    return module
