"""What tests of several commands train with."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.settings import Network, Recipe, to_yaml


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    network = Network(
        encoder="mobilenetv3_small_050", decoder_channels=(16, 16, 8, 8, 8), pretrained=False
    )
    tiny = Recipe(name="tiny", network=network, size=96, crop=64, folds=2, epochs=1, batch_size=2)
    path = tmp_path / "tiny.yaml"
    path.write_text(to_yaml(tiny), "utf-8")
    return path
