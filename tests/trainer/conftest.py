"""What tests of several commands train with."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from small_nets import write_tiny


@pytest.fixture
def short_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two steps or three: for what a training leaves, whatever it has learned."""
    monkeypatch.setattr("trainer.train.dataset._LEAST_BATCHES", 2)


@pytest.fixture
def few_objects() -> Iterator[None]:
    """What is there already is not counted: that takes seconds."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny.yaml")
