"""The learning rate along a training, and in which numbers it goes."""

from __future__ import annotations

import pytest
import torch

from trainer.errors import DeviceError
from trainer.settings import Recipe, Training
from trainer.train import precision
from trainer.train.draws import Draw, Drawn, Draws
from trainer.train.processes import Processes
from trainer.train.schedule import Schedule


def rates(**changes: object) -> list[float]:
    schedule = Schedule(Training.model_validate(changes))
    return [schedule.rate(step / 100) for step in range(101)]


@pytest.mark.parametrize("schedule", ["cosine", "poly"])
def test_the_rate_rises_then_falls_to_rest(schedule: str):
    found = rates(schedule=schedule)
    assert found[0] == pytest.approx(0.01)
    assert found[10] == pytest.approx(1)
    assert found == sorted(found[:10]) + sorted(found[10:], reverse=True)
    assert found[-1] == pytest.approx(0, abs=1e-6)


def test_each_schedule_is_its_formula():
    assert rates()[55] == pytest.approx(0.5)
    assert rates(schedule="poly", power=2)[55] == pytest.approx(0.25)
    assert rates(schedule="constant")[10:] == [1.0] * 91
    assert rates(schedule="constant", warm_up=0) == [1.0] * 101


def test_a_plateau_halves_the_rate_and_goes_on_after_a_restart():
    training = Training.model_validate({"schedule": "plateau", "plateau_epochs": 2, "warm_up": 0})
    schedule, found = Schedule(training), []
    for loss in (1.0, 0.9, 0.95, 0.91, 0.92, 0.93, 0.5):
        schedule.heard(loss)
        again = Schedule(training)
        again.restore(schedule.state())
        schedule = again
        found.append(schedule.rate(0.5))
    assert found == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_precision_is_the_recipe_s_or_the_faster_one_of_a_trial(
    tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
):
    cpu = torch.device("cpu")

    def wanting(word: str) -> Recipe:
        training = Training.model_validate({"precision": word})
        return tiny_recipe.model_copy(update={"training": training})

    assert precision.choose(wanting("fp32"), cpu) == precision.Choice("32-true")
    assert precision.choose(wanting("bf16"), cpu) == precision.Choice("bf16-mixed")
    with pytest.raises(DeviceError, match=r"does not train in fp16; set `training.precision`"):
        precision.choose(wanting("fp16"), cpu)

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    tried = precision.choose(wanting("auto"), cpu)
    assert set(tried.seconds) == {"32-true", "bf16-mixed"}
    assert all(seconds > 0 for seconds in tried.seconds.values())
    assert tried.seconds[tried.precision] == min(tried.seconds.values())
    assert precision.choose(wanting("auto"), cpu, may_try=False).precision == "bf16-mixed"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {})
    assert precision.choose(wanting("auto"), cpu) == precision.Choice("32-true")


def drawn(draws: Draws, epoch: int) -> list[Draw]:
    draws.set_epoch(epoch)
    return list(draws)


def test_an_epoch_draws_each_item_once_in_an_order_of_its_own():
    draws = Draws(12, 4, seed=1)
    first, second = drawn(draws, 0), drawn(draws, 1)
    assert sorted(one.item for one in first) == list(range(12))
    assert [one.item for one in first] != [one.item for one in second]
    assert len({one.seed for one in [*first, *second]}) == 24
    assert drawn(Draws(12, 4, seed=1), 1) == second
    assert drawn(Draws(12, 4, seed=2), 1) != second
    assert [one.step for one in first] == [first[i - i % 4].step for i in range(12)]
    assert len(drawn(Draws(14, 4, seed=1), 0)) == 12
    assert len(drawn(Draws(3, 8, seed=1), 0)) == len(Draws(3, 8, seed=1)) == 8


def test_processes_draw_the_parts_of_one_step():
    whole = drawn(Draws(12, 6, seed=1), 3)
    parts = [drawn(Draws(12, 6, seed=1, rank=rank, processes=2), 3) for rank in (0, 1)]
    assert whole[:3] == parts[0][:3]
    assert whole[3:6] == parts[1][:3]
    assert sorted([*parts[0], *parts[1]]) == sorted(whole)


def test_an_item_s_chance_is_its_seed_s_and_leaves_other_chance_alone():
    class Dice:
        def __getitem__(self, index: int) -> float:
            return float(torch.rand(())) + index

    dataset = Drawn(Dice())  # pyright: ignore
    torch.manual_seed(0)
    before = torch.get_rng_state()
    found = [dataset[Draw(0, seed, 0, 0)] for seed in (5, 6, 5)]
    assert found[0] == found[2] != found[1]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_dataset_that_wants_it_is_told_the_whole_draw():
    class Sized:
        def draw(self, draw: Draw) -> tuple[int, int]:
            return draw.item, draw.step

    assert Drawn(Sized())[Draw(3, 1, 7, 0)] == (3, 7)  # pyright: ignore


def test_torchrun_says_which_process_this_is(monkeypatch: pytest.MonkeyPatch):
    assert Processes.of(2) == Processes(2, 1, 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not Processes.of(2).leads
    for name, value in (("RANK", "5"), ("LOCAL_WORLD_SIZE", "4"), ("WORLD_SIZE", "8")):
        monkeypatch.setenv(name, value)
    assert Processes.of(1) == Processes(4, 2, 5)
    assert Processes.of(1).count == 8
