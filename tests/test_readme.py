"""What the README shows can be typed, and what it names is there."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from hubmap_viewer import app as viewer_app
from hubmap_viewer import keys
from trainer.cli import app as trainer_app
from trainer.settings import (
    Augmentation,
    Ensemble,
    Network,
    PostProcessing,
    Recipe,
    read_ensemble,
)

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE))


def shown(program: str) -> list[list[str]]:
    """The words after this program of each command line in the README's sh blocks."""
    lines = (shlex.split(line, comments=True) for line in SHELL.splitlines())
    return [words[1:] for words in lines if words[:1] == [program]]


def trainer_commands() -> TyperGroup:
    group = typer.main.get_command(trainer_app)
    assert isinstance(group, TyperGroup)
    return group


def test_the_readme_shows_commands() -> None:
    assert len(shown("hubmap-trainer")) >= 5
    assert len(shown("hubmap-viewer")) >= 3
    assert shown("make") == [["demo"], ["test"]]


@pytest.mark.parametrize("words", shown("hubmap-trainer"), ids=" ".join)
def test_a_trainer_command_parses(words: list[str]) -> None:
    command = trainer_commands().commands[words[0]]
    # Parsing checks options, their values and missing ones, and runs nothing.
    command.make_context(words[0], words[1:])


def test_every_trainer_command_is_shown() -> None:
    assert {words[0] for words in shown("hubmap-trainer")} == set(trainer_commands().commands)


@pytest.mark.parametrize("words", shown("hubmap-viewer"), ids=" ".join)
def test_a_viewer_command_parses(words: list[str]) -> None:
    viewer_app._parser().parse_args(words)


@pytest.mark.parametrize("words", shown("make"), ids=" ".join)
def test_a_make_target_is_there(words: list[str]) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`([\w./-]+/[\w./-]+|[\w-]+\.(?:md|toml))`", README)))
)
def test_a_file_named_is_there(name: str) -> None:
    written_by_the_program = (
        "demo-output/",
        "predictions/",
        "runs/",
        "exports/",
        "oof/",
        "journals/",
        "cache/",
    )
    made_by_the_user = ("ensembles/", "recipes/")
    if name.startswith((*written_by_the_program, *made_by_the_user)):
        return
    assert (ROOT / name).exists()


def test_pictures_are_there_and_small() -> None:
    pictures = [ROOT / name for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)]
    assert sum(picture.stat().st_size for picture in pictures) < 1.5e6


@pytest.mark.parametrize("key", keys.KEYS, ids=lambda key: key.name)
def test_a_key_is_in_the_table(key: keys.Key) -> None:
    arrows = {"Right": "→", "Left": "←"}
    parts = key.usual.split("+")
    assert f"`{'+'.join(arrows.get(part, part) for part in parts)}`" in README


def test_every_recipe_key_is_in_the_table() -> None:
    known = [*Recipe.model_fields, *Network.model_fields, *Augmentation.model_fields]
    assert [name for name in known if f"`{name}`" not in README] == []


def test_every_step_is_in_the_table() -> None:
    assert [name for name in PostProcessing.model_fields if f"`{name}`" not in README] == []


def test_the_ensemble_shown_reads(tmp_path: Path) -> None:
    text = re.findall(r"^```yaml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[0]
    (tmp_path / "ensemble.yaml").write_text(text, encoding="utf-8")
    ensemble = read_ensemble(tmp_path)
    assert ensemble.model_fields_set == set(Ensemble.model_fields)
    assert ensemble.threshold_for("lung") == 0.3


def test_the_house_is_drawn_as_it_stands() -> None:
    drawing = README.split("## How it is built")[1].split("```")[1]
    inside = {0: ROOT}
    for line in drawing.strip("\n").splitlines():
        depth = len(line) - len(line.lstrip())
        names = re.split(r",? +", re.split(r" {2,}", re.sub(r" \(.*?\)", "", line.strip()))[0])
        for name in names:
            place = inside[depth] / name
            assert place.exists() or place.with_suffix(".py").exists(), line
            inside[depth + 2] = place
