"""What the loop adds: `pytest tests/benchmarks/test_training_loop.py --benchmark-only`."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from pictures import picture
from trainer import named
from trainer.data.case import Case
from trainer.model.network import build
from trainer.settings import Recipe, Training
from trainer.train.dataset import Crops, Sample
from trainer.train.loop import fit
from trainer.train.progress import Progress
from trainer.train.watch import Fold

CPU = torch.device("cpu")
STEPS = 12


@pytest.fixture(params=[128, 256], ids=lambda crop: f"crops of {crop}")
def crop(request: pytest.FixtureRequest) -> int:
    """That of `quick` is 256; the smaller, the more a step's fixed costs weigh."""
    return request.param


@pytest.fixture
def samples(crop: int) -> list[Sample]:
    found = []
    for number in range(8):
        image, mask = picture(crop * 3 // 2, crop * 3 // 2, seed=number)
        case = Case(str(number), "kidney", Path(), "train", 2)
        found.append(Sample(case, str(number), image, 255 * mask))
    return found


@pytest.fixture
def recipe(crop: int) -> Recipe:
    """The recipe `quick`'s network and batches."""
    return Recipe(
        name="loop",
        network=named.recipe("quick").network.model_copy(update={"pretrained": False}),
        training=Training(precision="fp32"),
        size=crop * 3 // 2,
        crop=crop,
        folds=2,
        epochs=1,
        batch_size=4,
    )


def ours(samples: list[Sample], recipe: Recipe, folder: Path) -> list[float]:
    """Seconds of this process's work between one step's begin and the next one's."""
    begins: list[float] = []

    def hear(progress: Progress) -> None:
        if progress.epoch == 0:
            begins.append(time.process_time())

    fit(Fold(0, samples[:-1], samples[-1:], folder, None, 1), recipe, CPU, hear)
    return differences(begins)


def bare(samples: list[Sample], recipe: Recipe) -> list[float]:
    """The same of the loop that everyone writes."""
    network = build(recipe.network).module.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate)
    batches = DataLoader(Crops(samples[:-1], recipe), recipe.batch_size, shuffle=True,
                         num_workers=1, multiprocessing_context="fork")  # fmt: skip
    begins = []
    for step, (pixels, coverage, *_) in enumerate(batches):
        begins.append(time.process_time())
        if step == STEPS:
            break
        seen = pixels.float().contiguous(memory_format=torch.channels_last)
        logits, target = network(seen), coverage.float() / 255
        chance = logits.sigmoid()
        both = 2 * (chance * target).sum() + 1
        dice = 1 - both / (chance.sum() + target.sum() + 1)
        loss = 0.5 * F.binary_cross_entropy_with_logits(logits, target) + 0.5 * dice
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        loss.item()
    return differences(begins)


def differences(begins: list[float]) -> list[float]:
    """All but the first, in which layers are prepared."""
    return [after - before for before, after in itertools.pairwise(begins[1:])]


@pytest.mark.benchmark(group="a training's step")
def test_the_loop_adds_five_percent_at_most(
    benchmark: Any, samples: list[Sample], recipe: Recipe, tmp_path: Path
) -> None:
    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    ways: dict[str, Callable[[], list[float]]] = {
        "bare": lambda: bare(samples, recipe),
        "ours": lambda: ours(samples, recipe, tmp_path)[:STEPS],
    }

    def turn() -> None:
        for name, way in ways.items():
            seconds[name] += way()
            (tmp_path / "unfinished.ckpt").unlink(missing_ok=True)

    benchmark.pedantic(turn, rounds=3)
    median = {name: statistics.median(each) for name, each in seconds.items()}
    benchmark.extra_info |= median | {"ratio": median["ours"] / median["bare"]}
    assert median["ours"] < 1.05 * median["bare"], median
