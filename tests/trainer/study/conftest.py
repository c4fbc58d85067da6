"""What studies that train are done on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cohorts import Drawn, write_cohort
from small_nets import single
from trainer.data.cohort import Cohort

DISCS = ((40, 50, 20), (110, 60, 25), (60, 170, 22))


@pytest.fixture
def cohort(tmp_path: Path) -> Iterator[Cohort]:
    drawn = [Drawn(str(number), "lung", (160, 240), discs=DISCS) for number in range(10, 16)]
    write_cohort(tmp_path / "data", drawn)
    with single():
        yield Cohort.open(tmp_path / "data")
