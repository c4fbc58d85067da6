"""A network that is told the organ is told the case's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pictures import NETWORK, ensemble
from trainer.data.case import Case
from trainer.model.checkpoint import Checkpoint, load, save
from trainer.model.network import build
from trainer.predict.asking import Panel
from trainer.predict.ensemble import Predictor
from trainer.settings import Member

TOLD = NETWORK.model_copy(update={"organ_input": True, "organs": ("kidney", "lung")})


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A network whose answer hangs on the organ: each has an offset of its own."""
    torch.manual_seed(0)
    module = build(TOLD).module
    assert module.organs is not None
    torch.nn.init.normal_(module.organs.weight, std=3)
    save(tmp_path / "told.safetensors", module, Checkpoint(network=TOLD, size=64))
    return tmp_path / "told.safetensors"


def case(organ: str) -> Case:
    return Case(id="1", organ=organ, image_path=Path("1.tiff"), split="train", row=2)


def opinion(weights: Path, organ: str) -> np.ndarray:
    image = np.full((64, 64, 3), 90, np.uint8)
    made = ensemble(Member(weights=weights.name))
    with Predictor(made, weights.parent, "cpu") as predictor:
        return predictor.predict(image, "1", case=case(organ)).probability


def test_a_prediction_is_of_the_case_s_organ(weights: Path):
    module, _ = load(weights)
    image = torch.full((1, 3, 64, 64), 90.0)
    for organ, place in (("kidney", 0), ("lung", 1), ("spleen", -1)):
        with torch.inference_mode():
            wanted = 255 * module(image, torch.tensor([place])).sigmoid()[0, 0].numpy()
        assert np.abs(opinion(weights, organ) - wanted).max() < 2
    assert np.abs(opinion(weights, "kidney") - 1.0 * opinion(weights, "lung")).max() > 5


def test_an_opinion_that_was_kept_is_of_one_organ(weights: Path):
    panel = Panel.open(ensemble(Member(weights=weights.name)), weights.parent)

    def key(organ: str) -> str:
        parts, _ = panel.parts((64, 64), None, case(organ), {})
        return parts[0].key

    assert key("kidney") == key("kidney") != key("lung")


def test_the_organ_starts_without_effect_and_learns():
    module = build(TOLD).module
    image = 255 * torch.rand(2, 3, 64, 64)
    organs = torch.tensor([0, 1])
    with torch.no_grad():
        assert torch.equal(module.eval()(image, organs), module(image))
    module.train().all_outputs(image, organs).logits.square().mean().backward()
    assert module.organs is not None and module.organs.weight.grad is not None
    moved = module.organs.weight.grad.abs().sum(dim=1) > 0
    assert moved.tolist() == [False, True, True]


def test_a_network_that_is_not_told_the_organ_has_no_place_for_it():
    plain = build(TOLD.model_copy(update={"organ_input": False})).module
    assert not [name for name in plain.state_dict() if name.startswith("organs")]


def test_a_case_without_an_organ_of_the_network_s_is_of_none(weights: Path):
    assert np.array_equal(opinion(weights, ""), opinion(weights, "spleen"))
