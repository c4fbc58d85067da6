"""A cohort as a window that was killed leaves it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from hubmap_viewer.loading import load
from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort
from trainer.data.store import FILE


def as_after_a_crash(folder: Path) -> np.ndarray:
    """Draw three strokes on case 11, the last two in the journal alone; returns what was drawn."""
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(Cohort.open(folder))
    session.want("11")
    here = session.open
    assert here is not None
    here.curated[:5] ^= 1
    session.drawing.painted("paint")
    session.flush()
    before = folder.parent / "before"
    shutil.copytree(folder, before)
    for row in (60, 120):
        here.curated[row : row + 5] ^= 1
        session.drawing.painted("paint")
    drawn = here.curated.copy()
    session.close()
    for path in folder.glob(f"{FILE}*"):
        path.unlink()
    for path in before.glob(f"{FILE}*"):
        shutil.copy(path, folder / path.name)
    journal = folder / "journals" / "11.journal"
    whole = journal.read_bytes()
    # a record that is not whole, as a crash leaves it
    journal.write_bytes(whole[: whole.rindex(b'"kept"')])
    return drawn
