"""Training as its user meets it: memory that runs out, kills, averages, early ends."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cohorts import TRAIN
from trainer.data.case import Case
from trainer.data.cohort import Cohort
from trainer.errors import Cancelled, DeviceError, SettingsError
from trainer.model import checkpoint
from trainer.model.heads import Outputs
from trainer.model.network import Built, build
from trainer.settings import HoldOut, Recipe, Training, to_yaml
from trainer.train import loop
from trainer.train.dataset import Sample
from trainer.train.learner import Learner
from trainer.train.loop import fit
from trainer.train.progress import Progress
from trainer.train.run import run
from trainer.train.watch import Fold

CPU = torch.device("cpu")
ALONE = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(loop.__file__).parents[2])}


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


@pytest.fixture
def samples() -> list[Sample]:
    """Four small pictures, as a training has them in memory."""
    found = []
    for drawn in TRAIN:
        case = Case(drawn.id, drawn.organ, Path(), "train", 2)
        image = np.ascontiguousarray(drawn.image[:96, :96])
        found.append(Sample(case, drawn.id, image, 255 * drawn.mask[:96, :96]))
    return found


@pytest.fixture
def recipe(tiny_recipe: Recipe) -> Recipe:
    return tiny_recipe.model_copy(update={"epochs": 2, "batch_size": 4})


@pytest.fixture
def trained(
    samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Train a network in a folder of its own; what it said, its curves and its weights."""
    count = iter(range(100))

    def train(
        recipe: Recipe, network: Callable[[], nn.Module] | None = None, **changes: Any
    ) -> Any:
        folder = tmp_path / f"fold{next(count)}"
        folder.mkdir()
        if network is not None:
            monkeypatch.setattr(loop, "build", lambda _: Built(network(), "scratch"))  # pyright: ignore
        recipe = recipe.model_copy(update={"training": Training(**changes)})
        told: list[Progress] = []
        fitted = fit(Fold(0, samples[:3], samples[3:], folder, None, 2), recipe, CPU, told.append)
        with (folder / "curves.csv").open() as file:
            curves = list(csv.DictReader(file))
        return fitted, curves, [one.remark for one in told if one.remark]

    return train


def losses(curves: list[dict[str, str]]) -> list[float]:
    return [float(row["train_loss"]) for row in curves]


def weights(fitted: Any) -> Tensor:
    return torch.cat([one.detach().flatten() for one in fitted.module.parameters()])


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


def test_a_logbook_that_is_not_installed_is_told_before_anything_is_read(
    cohort_folder: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from trainer.train import logbooks

    monkeypatch.setattr(logbooks, "find_spec", lambda _: None)
    wanted = recipe.model_copy(update={"training": Training(logbooks=("tensorboard",))})
    with pytest.raises(SettingsError, match=r"tensorboard is not installed; pip install"):
        run(Cohort.open(cohort_folder), wanted, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_curves_go_to_tensorboard_too(trained: Callable[..., Any], recipe: Recipe, tmp_path: Path):
    pytest.importorskip("tensorboard")
    trained(recipe, Plain, logbooks=("tensorboard",))
    assert list(tmp_path.rglob("events.out.tfevents.*"))


@pytest.mark.parametrize("named", [True, False])
def test_curves_go_to_mlflow_too(
    named: bool,
    trained: Callable[..., Any],
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    server = f"sqlite:///{tmp_path / 'server.db'}"
    if named:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    trained(recipe, Plain, logbooks=("mlflow",))
    files = [f"sqlite:///{path}" for path in tmp_path.rglob("*.db")]
    assert len(files) == 1
    assert (files[0] == server) == named
    mlflow.set_tracking_uri(files[0])
    told = mlflow.search_runs(search_all_experiments=True)
    assert len(told) == 1
    assert told["metrics.val_dice"].notna().all()


@pytest.mark.parametrize(
    "changes",
    [
        {"ema": 0.99, "optimizer": "sgd"},
        {"average_last": 3, "schedule": "plateau", "plateau_epochs": 1},
        {"patience": 3, "schedule": "poly"},
    ],
)
def test_a_fold_taken_up_comes_to_the_same_curves_and_weights(
    changes: dict[str, Any],
    trained: Callable[..., Any],
    samples: list[Sample],
    recipe: Recipe,
    tmp_path: Path,
):
    recipe = recipe.model_copy(update={"epochs": 5})
    whole, curves, _ = trained(recipe, Dropping, **changes)
    recipe = recipe.model_copy(update={"training": Training(**changes)})
    fold = Fold(0, samples[:3], samples[3:], tmp_path / "halves", None, 2)
    fold.folder.mkdir()
    began: list[int] = []

    def stop(progress: Progress) -> None:
        if progress.epoch == 3 and progress.done > 0.35:  # amid the fourth
            raise Cancelled

    with pytest.raises(Cancelled):
        fit(fold, recipe, CPU, stop)
    halves = fit(fold, recipe, CPU, lambda progress: began.append(progress.epoch))

    assert began[0] == 3
    assert torch.equal(weights(whole), weights(halves))
    assert [[*row.values()][2:] for row in curves] == [
        row[1:] for row in curves_of(fold.folder)[1:]
    ]
    assert whole.val_dice == halves.val_dice


def test_a_fold_taken_up_keeps_its_own_weights_whatever_it_started_from(
    samples: list[Sample], recipe: Recipe, tmp_path: Path
):
    start = tmp_path / "runs" / "first" / "fold0" / "weights.safetensors"
    start.parent.mkdir(parents=True)
    told = checkpoint.Checkpoint(network=recipe.network, size=recipe.size, fold=0)
    checkpoint.save(start, build(recipe.network).module, told)
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
    whole, halves = (
        Fold(0, samples[:3], samples[3:], tmp_path / name, None, 2, start)
        for name in ("whole", "halves")
    )

    def stop(progress: Progress) -> None:
        if progress.epoch == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        fit(halves, recipe, CPU, stop)
    began: list[int] = []
    expected = fit(whole, recipe, CPU, lambda _: None)
    found = fit(halves, recipe, CPU, lambda progress: began.append(progress.epoch))
    assert began[0] == 1
    assert torch.equal(weights(expected), weights(found))
    assert found.start == "run first fold 0"


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


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from trainer.data.cohort import Cohort
from trainer.settings import read_recipe
from trainer.train.run import run

torch.set_num_threads(1)

def hear(progress):
    if progress.stage == "training" and progress.epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)

run(Cohort.open(Path(sys.argv[1])), read_recipe(Path(sys.argv[2])), Path(sys.argv[3]),
    device="cpu", progress=hear)
"""


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_as_if_it_had_not_been(
    cohort_folder: Path, recipe: Recipe, tmp_path: Path
):
    training = Training(precision="fp32")
    recipe = recipe.model_copy(update={"epochs": 2, "batch_size": 2, "training": training})
    file = tmp_path / "recipe.yaml"
    file.write_text(to_yaml(recipe), "utf-8")
    cohort = Cohort.open(cohort_folder)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    run(cohort, recipe, whole, device="cpu")
    words = [sys.executable, "-c", KILLED, cohort_folder, file, halves]
    killed = subprocess.run([str(word) for word in words], env=ALONE, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert len(curves_of(halves / "fold0")) == 2
    told: list[Progress] = []
    run(cohort, recipe, halves, device="cpu", progress=told.append)

    assert next(one.epoch for one in told if one.stage == "training") == 1
    for fold in ("fold0", "fold1"):
        assert curves_of(whole / fold) == curves_of(halves / fold)
        first, second = (
            (folder / fold / "weights.safetensors").read_bytes() for folder in (whole, halves)
        )
        assert first == second
    assert sorted(path.name for path in (halves / "fold0").iterdir()) == [
        *("curves.csv", "weights.json", "weights.safetensors")
    ]
    assert not list(halves.glob(".*"))


def curves_of(folder: Path) -> list[list[str]]:
    """All but the seconds."""
    with (folder / "curves.csv").open() as file:
        return [row[:1] + row[2:] for row in csv.reader(file)]


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


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_learn_as_one_does(cohort_folder: Path, recipe: Recipe, tmp_path: Path):
    """Of the same step: four samples, in two parts of one process or one part of each of two.

    Lightning starts the second one, or torchrun both.
    """
    training = Training(accumulate=2, precision="fp32")
    recipe = recipe.model_copy(
        update={
            "batch_size": 2, "training": training, "epochs": 2, "learning_rate": 1e-3,
            "hold_out": HoldOut(only=(0,)),
        }
    )  # fmt: skip
    file = tmp_path / "recipe.yaml"
    file.write_text(to_yaml(recipe), "utf-8")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    curves = []
    for name, launcher, options in (
        ("one", (), ()), ("lightning", (), ("--devices", "2")), ("torchrun", torchrun, ())
    ):  # fmt: skip
        out = tmp_path / name
        words = [*launcher, "-m", "trainer.cli", "train", cohort_folder, "--recipe", file,
                 "--out", out, "--device", "cpu", "--json", *options]  # fmt: skip
        done = subprocess.run(
            [sys.executable, *map(str, words)], env=ALONE, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["problems"] == []
        curves.append([float(row[1]) for row in curves_of(out / "fold0")[1:]])

    one, *others = curves
    assert len(one) == 2
    for two in others:
        assert two == pytest.approx(one, abs=2e-4)


def test_a_step_that_cannot_be_shared_is_told(
    cohort_folder: Path, tiny_recipe: Recipe, tmp_path: Path
):
    with pytest.raises(SettingsError, match="2 samples a step cannot be shared by 3 processes"):
        run(Cohort.open(cohort_folder), tiny_recipe, tmp_path / "run", device="cpu", devices=3)


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
