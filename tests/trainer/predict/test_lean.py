"""A network made ready for a device says the same, also in half precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainer.data.tiff import read_rgb
from trainer.metrics import dice
from trainer.model.checkpoint import load
from trainer.model.network import Segmenter
from trainer.predict.device import autocast_for
from trainer.predict.lean import lean

RESOURCES = Path(__file__).parents[3] / "resources" / "demo"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bundled() -> list[Segmenter]:
    """The members of the demo's ensemble."""
    files = sorted((RESOURCES / "ensemble").glob("*.safetensors"))
    return [load(file)[0] for file in files]


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Eight of the demo's images at the members' size, (8, 3, 288, 288)."""
    files = sorted((RESOURCES / "cohort" / "train_images").glob("*.tiff"))[:8]
    small = [cv2.resize(read_rgb(file), (288, 288), interpolation=cv2.INTER_AREA) for file in files]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float()


def mask(members: Sequence[nn.Module], images: Tensor) -> np.ndarray:
    """What the members agree on, uint8 (8, 1, 288, 288)."""
    with torch.inference_mode():
        opinions = [member(images).float().sigmoid() for member in members]
    return (torch.stack(opinions).mean(dim=0) >= 0.5).numpy().astype(np.uint8)


def test_a_mask_in_half_precision_is_that_of_full(
    bundled: list[Segmenter], images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    full = mask(bundled, images)
    with autocast_for(CPU):
        half = mask([lean(member, CPU) for member in bundled], images)
        rounded = mask(bundled, images)
    assert dice(half, full) >= 0.999
    assert dice(rounded, full) < 0.999, "the encoder in bfloat16 would do as well"


def test_the_decoder_multiplies_in_half_precision(
    bundled: list[Segmenter], images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    ready = lean(bundled[0], CPU)
    with torch.inference_mode(), autocast_for(CPU):
        features = ready.get_submodule("body.encoder")(images[:1])
        logits = ready(images[:1])
    assert {one.dtype for one in (*features, logits)} == {torch.bfloat16}


def test_in_full_precision_only_the_order_of_sums_differs(
    bundled: list[Segmenter], images: Tensor
) -> None:
    with torch.inference_mode():
        full, ready = bundled[0](images[:1]), lean(bundled[0], CPU)(images[:1])
    assert ready.dtype == torch.float32
    assert torch.allclose(ready, full, rtol=1e-4, atol=1e-3)


def test_the_network_itself_stays(bundled: list[Segmenter]) -> None:
    before = {name: type(module) for name, module in bundled[0].named_modules()}
    lean(bundled[0], CPU)
    assert {name: type(module) for name, module in bundled[0].named_modules()} == before
