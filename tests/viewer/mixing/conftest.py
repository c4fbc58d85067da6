"""Fixtures of the mixing of members."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmap_viewer.loading import load
from hubmap_viewer.members import Members
from hubmap_viewer.session import Session
from mixing_bench import Bench, listed
from trainer.data.predictions import Predictions


@pytest.fixture
def bench(cohort_folder: Path) -> Bench:
    return Bench(cohort_folder)


@pytest.fixture
def model(session: Session, bench: Bench) -> Members:
    """All cases predicted with their members kept; the first one open."""
    bench.predict(bench.file, bench.out)
    model = listed(session)
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.use_predictions(Predictions.open(bench.out))
    session.want("11")
    return model
