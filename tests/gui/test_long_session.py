"""Eight hours in short: many cases opened and edited, and nothing piles up.

`HUBMAP_SWITCHES=2000 pytest tests/gui/test_long_session.py` is the long run; the suite's is
shorter.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QApplication

from cohorts import Drawn, write_cohort
from gui.conftest import Window

SWITCHES = int(os.environ.get("HUBMAP_SWITCHES", "60"))
EARLY = min(100, SWITCHES // 2)
"""Switches after which all that is kept once is there."""


@dataclass(frozen=True)
class Use:
    """What the process holds."""

    memory: int
    threads: int
    files: int
    objects: int
    widgets: int

    @classmethod
    def now(cls) -> Use:
        gc.collect()
        status = Path("/proc/self/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return cls(
            int(resident.split()[1]),
            threading.active_count(),
            len(os.listdir("/proc/self/fd")),  # noqa: PTH208
            sum(isinstance(one, QObject) for one in gc.get_objects()),
            len(QApplication.allWidgets()),
        )


def be_calm(window: Window) -> None:
    """Wait for what goes on behind the window: it holds files and threads."""
    window.wait(lambda: not window.desk.session.unsaved())
    window.wait(lambda: not window.desk.jobs.running)
    window.wait(lambda: all(one.name != "thumbnails" for one in threading.enumerate()))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts by Linux's /proc")
def test_nothing_piles_up(open_window: Callable[[Path], Window], tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    cases = [Drawn(str(n), "kidney", (400, 400), discs=((200, 200, 90),)) for n in range(20)]
    write_cohort(folder, cases)
    window = open_window(folder)
    window.wait(lambda: window.open_id == "0")
    session, early = window.desk.session, None
    for turn in range(1, SWITCHES + 1):
        case_id = str(turn % len(cases))
        session.want(case_id)
        window.wait(lambda case_id=case_id: window.open_id == case_id)
        here = session.open
        assert here is not None
        row = turn % 300
        here.curated[row : row + 20, row : row + 20] ^= 1
        session.drawing.painted("paint")
        if turn % 7 == 0:
            session.drawing.undo()
        if turn % 5 == 0:
            session.judge("accepted")
        if turn == EARLY:
            be_calm(window)
            early = Use.now()
    be_calm(window)
    late = Use.now()
    assert early is not None
    assert late.memory < 1.1 * early.memory, (early, late)
    assert late.threads <= early.threads, (early, late)
    assert late.files <= early.files + 2, (early, late)
    assert late.objects <= 1.01 * early.objects, (early, late)
    assert late.widgets <= early.widgets, (early, late)
