"""What fits into memory, against what autograd keeps."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from trainer.cli import app
from trainer.model.network import build
from trainer.settings import Network, Recipe, Training, to_yaml
from trainer.train import plan as planning
from trainer.train.plan import activations, plan, saved_bytes

MIT = Network(encoder="mit_b0", decoder="fpn", decoder_channels=(32, 32), pretrained=False)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("network", ["tiny", "attention"])
def test_the_estimate_is_near_what_a_larger_step_keeps(
    network: str, checkpointing: bool, precision: planning.Precision, tiny_recipe: Recipe
):
    recipe = tiny_recipe
    if network == "attention":
        recipe = tiny_recipe.model_copy(update={"network": MIT})
    module = build(recipe.network).module
    expected = activations(module, recipe, precision, checkpointing)
    for samples, side in ((3, 256), (5, 96)):
        found = saved_bytes(module, recipe, samples, side, precision, checkpointing)
        assert expected.of_step(samples, side**2) == pytest.approx(found, rel=0.2)


def test_what_is_kept_is_counted_once_and_weights_not_at_all(tiny_recipe: Recipe):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 1, 1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.layer(image).relu().relu()

    bce = tiny_recipe.objective.model_copy(update={"dice": 0.0, "bce": 1.0})
    found = saved_bytes(Twice(), tiny_recipe.model_copy(update={"objective": bce}), 2, 64)
    pixels = 2 * 64 * 64 * 4
    # the image for the layer, both relus, and for the entropy logits and target
    assert found == pytest.approx((3 + 1 + 1 + 2) * pixels, rel=0.01)


@pytest.mark.usefixtures("few_objects")
@pytest.mark.parametrize("checkpointing", [False, True])
def test_nothing_is_held_of_what_was_measured(checkpointing: bool, tiny_recipe: Recipe):
    module = build(MIT).module
    before = tensors()
    saved_bytes(module, tiny_recipe, 1, 64, "32-true", checkpointing)
    assert tensors() == before


def tensors() -> int:
    gc.collect()
    return sum(type(one) is torch.Tensor for one in gc.get_objects())


def test_a_smaller_memory_means_fewer_at_once_and_the_same_step(tiny_recipe: Recipe):
    recipe = tiny_recipe.model_copy(update={"batch_size": 12, "crop": 512})
    wide, tight = plan(recipe, 10 * 2**30), plan(recipe, 2**30)

    assert (wide[0].batch_size, wide[0].accumulate, wide[0].checkpointing) == (12, 1, False)
    assert all(way.batch_size * way.accumulate in (0, 12) for way in [*wide, *tight])
    assert (tight[0].precision, tight[0].checkpointing) == ("bf16", False)
    assert 2 <= tight[0].batch_size < 12
    tiny = plan(recipe, tight[0].total(1))  # one alone fits, and more if they are checkpointed
    assert tiny[0].checkpointing and tiny[0].batch_size > 1
    for way in tight:
        if way.at_once:
            assert way.total(way.at_once) <= 2**30 < way.total(way.at_once + 1)
    kinds = {(way.precision, way.checkpointing): way for way in wide}
    assert kinds["bf16", False].sample < kinds["fp32", False].sample
    assert kinds["fp32", True].sample < kinds["fp32", False].sample
    assert all(way.at_once == 0 for way in plan(recipe, 0.5 * 2**30))


def test_moments_and_averages_are_counted(tiny_recipe: Recipe):
    def weights(training: Training) -> int:
        recipe = tiny_recipe.model_copy(update={"training": training})
        return planning._weights(nn.Linear(9, 10), recipe)

    assert weights(Training()) == 100 * 4 * 4
    assert weights(Training(optimizer="sgd")) == 100 * 4 * 3
    assert weights(Training(ema=0.9)) == 100 * 4 * 5


def test_the_command_tells_the_plan(tiny_recipe: Recipe, tmp_path: Path):
    path = tmp_path / "tiny.yaml"
    path.write_text(to_yaml(tiny_recipe), "utf-8")
    words = ["plan", "--recipe", str(path), "--memory"]
    done = CliRunner().invoke(app, [*words, "10", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["recipe"], document["step"], document["crop"]) == ("tiny", 2, 64)
    assert len(document["ways"]) == 4
    assert document["ways"][0]["fits"]

    short = CliRunner().invoke(app, [*words, "0.4"])
    assert short.exit_code == 1
    assert "not a single crop of 64 pixels fits 0.4 GiB; lower `crop`" in short.stderr
    assert "nothing" in short.stdout
