"""What studies that train are done on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cohorts import Drawn, write_cohort
from trainer.data.cohort import Cohort

DISCS = ((40, 50, 20), (110, 60, 25), (60, 170, 22))


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    torch.set_num_threads(1)
    drawn = [Drawn(str(number), "lung", (160, 240), discs=DISCS) for number in range(10, 16)]
    write_cohort(tmp_path / "data", drawn)
    return Cohort.open(tmp_path / "data")
