"""Training as its user meets it: memory that runs out, averages, early ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from torch import Tensor, nn

from small_nets import CPU, Plain, curves_of, losses, weights
from trainer.errors import DeviceError
from trainer.model.heads import Outputs
from trainer.model.network import Built
from trainer.settings import Recipe, Training
from trainer.train import loop
from trainer.train.dataset import Sample
from trainer.train.learner import Learner
from trainer.train.loop import ALONE, fit
from trainer.train.progress import Progress
from trainer.train.watch import Fold


def test_a_network_that_is_told_the_organ_is_told_it_when_judged_too(
    trained: Callable[..., Any], recipe: Recipe
):
    told: list[Tensor] = []

    class Told(Plain):
        def forward(self, image: Tensor, organ: Tensor | None = None) -> Tensor:
            assert organ is not None
            told.append(organ)
            return super().forward(image)

        def all_outputs(self, image: Tensor, organ: Tensor) -> Outputs:
            return Outputs(self(image, organ), {})

    network = recipe.network.model_copy(update={"organ_input": True})
    recipe = recipe.model_copy(update={"network": network, "epochs": 1})
    trained(recipe, Told)
    kidney, lung = (network.organ_index(organ) for organ in ("kidney", "lung"))
    assert {int(one) for each in told[:-1] for one in each} == {kidney, lung}
    assert told[-1].tolist() == [lung]  # the held-out case


def test_out_of_memory_halves_what_is_shown_at_once_and_the_step_stays(
    trained: Callable[..., Any], recipe: Recipe
):
    bce = {"objective": recipe.objective.model_copy(update={"dice": 0})}
    recipe = recipe.model_copy(update=bce)
    narrow, curves, notices = trained(recipe, lambda: Plain(most=1))
    wide, wanted, silence = trained(recipe, Plain)

    assert notices == [
        "Memory ran out: 2 samples at a time from here on; a step still learns from 4.",
        "Memory ran out: 1 samples at a time from here on; a step still learns from 4.",
    ]
    assert silence == []
    assert [count for count in narrow.module.seen if count > 1] == [4, 2]  # it is not tried again
    assert losses(curves) == pytest.approx(losses(wanted), abs=1e-5)
    assert torch.allclose(weights(narrow), weights(wide), atol=1e-5)


def test_memory_that_holds_no_single_crop_is_told(trained: Callable[..., Any], recipe: Recipe):
    with pytest.raises(DeviceError, match="too little memory for a crop of 64 pixels; lower `crop"):
        trained(recipe, lambda: Plain(most=0))


def test_accumulating_two_batches_is_one_of_twice_the_size(
    trained: Callable[..., Any], recipe: Recipe
):
    bce = {"objective": recipe.objective.model_copy(update={"dice": 0})}
    recipe = recipe.model_copy(update=bce)
    halves = recipe.model_copy(update={"batch_size": 2})
    found = [trained(recipe, Plain), trained(halves, Plain, accumulate=2)]

    assert losses(found[0][1]) == pytest.approx(losses(found[1][1]), abs=1e-5)
    assert torch.allclose(weights(found[0][0]), weights(found[1][0]), atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "nadam", "radam", "sgd"])
def test_every_optimiser_lowers_the_loss(
    optimizer: str, trained: Callable[..., Any], recipe: Recipe
):
    rate = 0.1 if optimizer == "sgd" else 0.02
    recipe = recipe.model_copy(update={"epochs": 3, "learning_rate": rate})
    _, curves, _ = trained(recipe, Plain, optimizer=optimizer, schedule="constant")
    assert losses(curves)[-1] < 0.9 * losses(curves)[0]


def test_the_moving_average_is_what_is_judged_and_kept(trained: Callable[..., Any], recipe: Recipe):
    recipe = recipe.model_copy(update={"learning_rate": 0.02})
    (last, plain, _), (mean, smooth, _) = (
        trained(recipe, Plain, ema=decay) for decay in (None, 0.999)
    )

    assert losses(plain) == losses(smooth)  # the way is the same
    assert not torch.allclose(weights(last), weights(mean), atol=1e-4)
    assert [row["val_loss"] for row in plain] != [row["val_loss"] for row in smooth]


def test_a_moving_average_is_the_weighted_sum_of_its_past():
    from trainer.train.averaging import Moving

    layer = nn.BatchNorm1d(1)
    moving = Moving(layer, 0.5)
    expected = 1.0
    for step, value in enumerate((3.0, -1.0, 8.0, 2.0, 5.0, 4.0, 7.0, 1.0, 0.0, 6.0)):
        layer.weight.data.fill_(value)
        layer.running_mean.fill_(value)
        layer.num_batches_tracked.fill_(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        moving.follow(layer)
    assert float(moving.network.weight) == pytest.approx(expected)
    assert int(moving.network.num_batches_tracked) == 9


def test_the_mean_of_the_last_epochs_is_kept(trained: Callable[..., Any], recipe: Recipe):
    recipe = recipe.model_copy(update={"learning_rate": 0.02})
    ends = []
    for epochs in (1, 2, 3):
        constant = recipe.model_copy(update={"epochs": epochs})
        ends.append(trained(constant, Plain, schedule="constant", warm_up=0)[0])
    three = recipe.model_copy(update={"epochs": 3})
    mean, curves, _ = trained(three, Plain, schedule="constant", warm_up=0, average_last=2)

    wanted = (weights(ends[1]) + weights(ends[2])) / 2
    assert torch.allclose(weights(mean), wanted, atol=1e-6)
    assert len(curves) == 3


def test_patience_ends_a_training_that_gains_nothing(trained: Callable[..., Any], recipe: Recipe):
    still = recipe.model_copy(update={"learning_rate": 1e-12, "epochs": 9})
    _, curves, _ = trained(still, Plain, patience=2)
    assert len(curves) == 3


def test_gradients_are_shortened(trained: Callable[..., Any], recipe: Recipe):
    sgd = recipe.model_copy(update={"learning_rate": 1.0, "epochs": 1, "weight_decay": 0.0})
    ways = []
    for clip in (None, 1e-6):
        start = Plain()
        before = torch.cat([one.detach().flatten() for one in start.parameters()]).clone()
        fitted, _, _ = trained(sgd, lambda net=start: net, optimizer="sgd", clip=clip)
        ways.append(float((weights(fitted) - before).norm()))
    assert ways[0] > 0.01
    assert ways[1] < 1e-3


def test_checkpointing_changes_nothing_that_is_learned(trained: Callable[..., Any], recipe: Recipe):
    recipe = recipe.model_copy(update={"epochs": 1})
    (plain, curves, _), (again, same, _) = (
        trained(recipe, checkpointing=on) for on in (False, True)
    )
    assert losses(curves) == losses(same)
    for one, other in zip(
        plain.module.state_dict().items(), again.module.state_dict().items(), strict=True
    ):
        if "num_batches" not in one[0]:
            assert torch.allclose(one[1], other[1], atol=1e-6), one[0]


def test_where_nothing_is_held_out_weights_are_averaged_all_the_same(
    samples: list[Sample], recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loop, "build", lambda _: Built(Plain(), "scratch"))  # pyright: ignore
    found = []
    for last in (1, 2):
        (tmp_path / str(last)).mkdir()
        told = recipe.model_copy(update={"training": Training(average_last=last)})
        fold = Fold(0, samples, [], tmp_path / str(last), None, 1)
        found.append(fit(fold, told, CPU, lambda _: None))
        assert len(curves_of(fold.folder)) == 1 + recipe.epochs
    assert not torch.equal(weights(found[0]), weights(found[1]))


@pytest.mark.usefixtures("short_epochs")
def test_a_seed_gives_the_same_weights_whatever_the_workers(
    trained: Callable[..., Any], recipe: Recipe, monkeypatch: pytest.MonkeyPatch
):
    first, curves, _ = trained(recipe)
    monkeypatch.setattr(loop.sys, "platform", "win32")  # no workers
    second, same, _ = trained(recipe)
    third, other, _ = trained(recipe.model_copy(update={"seed": 8}))

    assert curves[0]["train_loss"] == same[0]["train_loss"]
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(third))
    assert losses(curves) != losses(other)


def test_a_batch_may_have_auxiliary_outputs(recipe: Recipe):
    from trainer.train.batch import Batch
    from trainer.train.pace import Pace

    class Deep(Plain):
        def all_outputs(self, image: Tensor) -> Outputs:
            logits = self(image)
            return Outputs(logits, {"deep1": -logits})

    batch = Batch(
        torch.randint(0, 255, (2, 3, 16, 16), dtype=torch.uint8),
        torch.randint(0, 2, (2, 1, 16, 16), dtype=torch.uint8) * 255,
        torch.ones(2),
    )
    deep, plain = Deep(), Plain()
    plain.load_state_dict(deep.state_dict())
    losses = [Learner(one, recipe, Pace(1, None)).loss_of(batch) for one in (deep, plain)]
    turned = Learner(plain, recipe, Pace(1, None))
    turned.network.layers[-1].weight.data.neg_()  # pyright: ignore
    turned.network.layers[-1].bias.data.neg_()  # pyright: ignore
    expected = losses[1] + 0.5 * turned.loss_of(batch)
    assert float(losses[0].detach()) == pytest.approx(float(expected.detach()))


def test_where_time_is_up_between_epochs_no_epoch_of_nothing_is_told(
    samples: list[Sample], recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clock = [0.0]
    monkeypatch.setattr("trainer.train.pace.time.monotonic", lambda: clock[0])

    def pass_time_at_the_end(progress: Progress) -> None:
        if progress.epoch == 1:
            clock[0] = 100.0

    fold = Fold(0, samples[:-1], samples[-1:], tmp_path, 100.0, 1)
    fit(fold, recipe.model_copy(update={"epochs": 5}), CPU, pass_time_at_the_end)

    _, *rows = curves_of(tmp_path)
    assert [row[0] for row in rows] == ["0"]
    assert "nan" not in rows[0]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no workers")
def test_workers_begin_before_processes_talk_and_draw_each_epoch_whole(
    samples: list[Sample], recipe: Recipe, tmp_path: Path
):
    us = psutil.Process()
    before = set(us.children())
    batches = loop._batches(Fold(0, samples, [], tmp_path, None, 1), recipe, 0, ALONE)
    workers = set(us.children()) - before
    assert workers

    first, again = list(batches), list(batches)
    assert len(first) == len(again) == len(batches)
    for one, other in zip(first, again, strict=True):
        assert all(torch.equal(*parts) for parts in zip(one, other, strict=True))
    assert set(us.children()) - before == workers
