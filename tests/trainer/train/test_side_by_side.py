"""Folds in processes of their own: the same members, one progress, and all end together."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from small_nets import CPU, curves_of
from trainer import terminal
from trainer.data.cohort import Cohort
from trainer.errors import Cancelled, DeviceError
from trainer.settings import Recipe
from trainer.train import side_by_side
from trainer.train.dataset import Sample
from trainer.train.member import Task, train_member
from trainer.train.progress import Progress, tell_nobody
from trainer.train.run import run
from trainer.train.side_by_side import at_once, train_all
from trainer.train.watch import Fold

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tasks(recipe: Recipe, samples: list[Sample], tmp_path: Path) -> list[Task]:
    """A member that holds the first two cases out, and one that holds out the others."""
    found = []
    for index, (learned, held_out) in enumerate(
        ((samples[2:], samples[:2]), (samples[:2], samples[2:]))
    ):
        folder = tmp_path / f"fold{index}"
        folder.mkdir()
        fold = Fold(index, learned, held_out, folder, None, 2)
        found.append(Task(fold, recipe, "32-true", folder / "weights.safetensors"))
    return found


def children() -> list[int]:
    """Processes of folds that are alive."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if any(b"trainer.train.side_by_side" in word for word in words) and parent == os.getpid():
            found.append(int(folder.name))
    return found


@pytest.mark.slow
def test_they_are_the_members_that_folds_one_by_one_are(
    cohort_folder: Path,
    tiny_recipe: Recipe,
    two_threads: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    monkeypatch.setattr(side_by_side, "_WORTH_LESSONS", 1)
    cohort, recipe = Cohort.open(cohort_folder), tiny_recipe.model_copy(update={"epochs": 2})
    both, alone = tmp_path / "both", tmp_path / "alone"
    told: list[Progress] = []
    result = run(cohort, recipe, both, device="cpu", progress=told.append)
    torch.set_num_threads(1)
    run(cohort, recipe, alone, device="cpu")

    for fold in ("fold0", "fold1"):
        one, other = (load_file(place / fold / "weights.safetensors") for place in (both, alone))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
        assert curves_of(both / fold) == curves_of(alone / fold)
    heard = [one for one in told if one.stage == "training" and one.folds]
    shares = [one.done for one in heard]
    assert shares == sorted(shares)
    assert 0.9 < shares[-1] <= 1
    assert heard[0].side_by_side == 2
    assert {one.folds for one in heard} == {2}
    assert terminal._words(heard[0]).startswith("2 folds side by side, epoch 1")
    assert result.report[-1].cases == 4
    assert json.loads((both / "run.json").read_text("utf-8"))["finished"]
    assert not list(both.rglob("unfinished*"))


@pytest.mark.slow
def test_a_wish_to_stop_ends_them_all_and_keeps_what_is_whole(tasks: list[Task], two_threads: None):
    def stop(progress: Progress) -> None:
        if progress.side_by_side == 2 and progress.epoch:
            raise Cancelled

    long = [replace(task, recipe=task.recipe.model_copy(update={"epochs": 500})) for task in tasks]
    with pytest.raises(Cancelled), closing(train_all(long, 2, stop)) as members:
        list(members)

    assert children() == []
    for task in tasks:
        assert not task.file.exists()
        assert (task.fold.folder / "unfinished.ckpt").is_file()
        assert not list(task.fold.folder.glob("*.part"))


@pytest.mark.slow
def test_what_a_process_refuses_is_said_as_it_is(
    tasks: list[Task], two_threads: None, tmp_path: Path
):
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "other.safetensors").write_bytes(b"")
    bad = replace(tasks[1], fold=replace(tasks[1].fold, start=tmp_path / "other.safetensors"))
    long = replace(tasks[0], recipe=tasks[0].recipe.model_copy(update={"epochs": 500}))

    with pytest.raises(Exception, match="other") as alone:
        train_member(bad, CPU, tell_nobody)
    with pytest.raises(type(alone.value), match="other") as raised:
        list(train_all([long, bad], 2, tell_nobody))

    assert str(raised.value) == str(alone.value)
    assert children() == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_a_killed_process_is_told(tasks: list[Task], two_threads: None):
    def kill(progress: Progress) -> None:
        if progress.side_by_side == 2:
            for one in children():
                os.kill(one, signal.SIGKILL)

    long = [replace(task, recipe=task.recipe.model_copy(update={"epochs": 500})) for task in tasks]
    with pytest.raises(DeviceError, match=r"was killed \(signal 9\).* goes on from here"):
        list(train_all(long, 2, kill))
    assert children() == []


def test_only_what_takes_long_and_fits_is_trained_so(tasks: list[Task], two_threads: None):
    long = replace(tasks[0], recipe=tasks[0].recipe.model_copy(update={"epochs": 250}))
    assert at_once(long, 3, CPU) == 3
    assert at_once(replace(long, fold=replace(long.fold, seconds=600.0)), 3, CPU) == 3
    assert at_once(replace(long, fold=replace(long.fold, seconds=20.0)), 3, CPU) == 1
    assert at_once(tasks[0], 3, CPU) == 1, "two epochs are soon over"
    assert at_once(long, 1, CPU) == 1
    assert at_once(long, 3, torch.device("cuda:0")) == 1
    vast = replace(long, recipe=long.recipe.model_copy(update={"crop": 30_000, "size": 30_000}))
    assert at_once(vast, 3, CPU) == 1, "memory would not hold three"
    torch.set_num_threads(1)
    assert at_once(long, 3, CPU) == 1
