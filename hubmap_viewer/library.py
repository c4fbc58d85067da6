"""What ensembles, predictions and recipes there are for a cohort, on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trainer.data.predictions import OUT_OF_FOLD
from trainer.locate import resource


@dataclass(frozen=True, slots=True)
class Entry:
    """Something on disk that can be picked by its name."""

    name: str
    path: Path


def ensembles(folder: Path) -> list[Entry]:
    """Ensembles of a cohort: its runs, newest first, its own YAML files, then the bundled one."""
    runs = _newest_first((folder / "runs").glob("*/ensemble.yaml"))
    own = sorted((folder / "ensembles").glob("*.yaml"))
    bundled = resource("demo/ensemble/ensemble.yaml")
    return [
        *(Entry(f"run {path.parent.name}", path) for path in runs),
        *(Entry(path.stem, path) for path in own),
        *([Entry("demo (bundled)", bundled)] if bundled.is_file() else []),
    ]


def predictions(folder: Path) -> list[Entry]:
    """Folders of kept predictions, newest first; those of a run are out of fold."""
    kept = _newest_first(
        [
            *(folder / "predictions").glob("*/prediction.json"),
            *(folder / "runs").glob("*/oof/prediction.json"),
        ]
    )
    return [Entry(_label(path.parent), path.parent) for path in kept]


def recipes(folder: Path) -> list[Entry]:
    """Recipes: the cohort's own, then the bundled ones, of which `quick` needs the least."""
    own = sorted((folder / "recipes").glob("*.yaml"))
    bundled = sorted(
        resource("recipes").glob("*.yaml"), key=lambda path: (path.stem != "quick", path.stem)
    )
    return [Entry(path.stem, path) for path in (*own, *bundled)]


def _label(folder: Path) -> str:
    if folder.name == OUT_OF_FOLD:
        return f"run {folder.parent.name} (out of fold)"
    return folder.name


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)
