"""The bundled recipes: each builds, plans, and learns from images of the cohort that is bundled."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.utils.data import default_collate

from trainer import named
from trainer.data.cohort import Cohort
from trainer.locate import resource
from trainer.model.network import Segmenter, build, check
from trainer.settings import Recipe
from trainer.train import plan as planning
from trainer.train.batch import Batch
from trainer.train.dataset import Crops, Sample, load
from trainer.train.labels import Labels
from trainer.train.learner import Learner
from trainer.train.optimizers import optimizer
from trainer.train.pace import Pace

LIGHT = ("demo-walk", "quick", "hour", "laptop-gpu-10gb", "seed")
HEAVY = ("place-1", "place-2", "place-3", "place-4", "place-8")
"""Their networks take most of a minute: as large as the places had them."""

SLOW = (pytest.mark.slow, pytest.mark.timeout(1200))

EVERY = [*LIGHT, *(pytest.param(name, marks=SLOW) for name in HEAVY)]

SIDE = 128
"""Of what the networks are shown here, in pixels."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """A copy: reading keeps resized images beside the cohort."""
    folder = tmp_path_factory.mktemp("presets") / "demo"
    shutil.copytree(resource("demo/cohort"), folder)
    return Cohort.open(folder)


@pytest.fixture(scope="module")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Thirty cases of the competition's five organs."""
    folder = tmp_path_factory.mktemp("presets") / "real"
    shutil.copytree(real_data / "hubmap_2022_small", folder)
    return Cohort.open(folder)


def reduced(recipe: Recipe) -> Recipe:
    """The same on small pictures, without other people's weights."""
    network = recipe.network.model_copy(update={"pretrained": False})
    whole = recipe.crop is None or recipe.crop == recipe.size
    size = {"size": SIDE if whole else 2 * SIDE, "crop": None if recipe.crop is None else SIDE}
    batch = min(2, recipe.batch_size)
    return recipe.model_copy(update={"network": network, "batch_size": batch, **size})


def samples(cohort: Cohort, recipe: Recipe, scratch: Path, count: int = 3) -> list[Sample]:
    """The first case of each of so many organs."""
    first = {case.organ: case.id for case in reversed(cohort.cases.values()) if case.has_truth}
    labels = Labels.gather(cohort, None, recipe.labels, recipe.organs)
    wanted = [one for organ, one in sorted(first.items()) if organ in (recipe.organs or first)]
    found = list(load(labels, recipe, scratch, only=wanted[:count]))
    assert all(isinstance(one, Sample) for one in found), found
    return [one for one in found if isinstance(one, Sample)]


def steps(recipe: Recipe, network: Segmenter, learned: list[Sample], count: int) -> Iterator[float]:
    """Learn so many batches; the loss of each."""
    learner = Learner(network.train(), recipe, Pace(batches=count, seconds=None))
    crops = Crops(learned, recipe)
    moves = optimizer(network, recipe)
    for number in range(count):
        places = [(number + offset) % len(crops) for offset in range(recipe.batch_size)]
        moves.zero_grad()
        loss = learner.loss_of(Batch(*default_collate([crops[place] for place in places])))
        loss.backward()
        moves.step()
        yield float(loss.detach())


@pytest.fixture(scope="module", params=EVERY)
def name(request: pytest.FixtureRequest) -> str:
    """Tests are run preset by preset: each's network is made once."""
    return request.param


@pytest.fixture(scope="module")
def network(name: str) -> Segmenter:
    """The preset's network; what it learns here, one test leaves to the next."""
    torch.manual_seed(0)
    return build(reduced(named.recipe(name)).network).module


def test_every_bundled_recipe_is_tried_here():
    assert {path.stem for path in resource("recipes").glob("*.yaml")} == {*LIGHT, *HEAVY}


@pytest.mark.parametrize("name", [*LIGHT, *HEAVY])
def test_a_preset_reads_and_says_what_nobody_knows(name: str):
    assert named.recipe(name).name == name
    text = resource(f"recipes/{name}.yaml").read_text("utf-8")
    assert text.startswith("# ")
    if name.startswith(("place", "seed")):
        for said in ("# Source: ", "# not known: ", "# not possible here: "):
            assert said in text


@pytest.mark.parametrize("name", [*LIGHT, *HEAVY])
def test_a_preset_s_parts_go_together(name: str):
    check(named.recipe(name).network)


def test_a_preset_learns_from_images(name: str, network: Segmenter, demo: Cohort, tmp_path: Path):
    recipe = reduced(named.recipe(name))
    before = {key: one.detach().clone() for key, one in network.named_parameters()}
    losses = list(steps(recipe, network, samples(demo, recipe, tmp_path), 2))
    assert all(math.isfinite(loss) and loss > 0 for loss in losses)
    parts = ["body.encoder", "body.decoder", "body.segmentation_head"]
    parts += ["auxiliary"] if recipe.network.auxiliary else []
    parts += ["organs"] if recipe.network.organ_input else []
    for part in parts:
        mine = {key: one for key, one in network.named_parameters() if key.startswith(part)}
        assert all(bool(one.isfinite().all()) for one in mine.values())
        assert any(not torch.equal(one, before[key]) for key, one in mine.items()), part


@pytest.mark.slow
@pytest.mark.realdata
def test_a_preset_learns_from_real_images(
    name: str, network: Segmenter, real: Cohort, tmp_path: Path
):
    recipe = reduced(named.recipe(name))
    learned = samples(real, recipe, tmp_path)
    (loss,) = steps(recipe, network, learned, 1)
    assert math.isfinite(loss)
    assert loss > 0


def test_a_preset_has_a_plan(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(planning, "_SIDES", (64, 96, 128))
    recipe = named.recipe(name)
    ways = planning.plan(recipe, 48 * 2**30)
    assert len(ways) == 4
    best = ways[0]
    assert best.batch_size * best.accumulate == recipe.batch_size * recipe.training.accumulate
    assert best.total(best.batch_size) <= 48 * 2**30
    if name == "laptop-gpu-10gb":
        (narrow, *_) = planning.plan(recipe, 10 * 2**30)
        assert (narrow.batch_size, narrow.accumulate) == (recipe.batch_size, 1)
        assert not narrow.checkpointing
