"""One window at a time changes a cohort."""

from __future__ import annotations

import getpass
import os
import platform
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trainer.data.store import Held, Holding
from trainer.errors import StoreError

OTHER = """
import sys
from pathlib import Path
from trainer.data.store import Holding
holding = Holding.try_take(Path(sys.argv[1]))
print(type(holding).__name__, flush=True)
sys.stdin.readline()
"""


def other_program(folder: Path) -> subprocess.Popen[str]:
    """Another program that holds the folder until it is killed, or hears a line."""
    program = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "Holding\n"
    return program


def test_the_second_is_told_who_holds_it(tmp_path: Path):
    program = other_program(tmp_path)
    held = Holding.try_take(tmp_path)
    assert isinstance(held, Held)
    assert (held.user, held.host, held.pid) == (getpass.getuser(), platform.node(), program.pid)
    assert held.since is not None
    assert abs(datetime.now(UTC) - held.since) < timedelta(minutes=1)
    assert str(held).startswith(f"{held.user} on {held.host} (process {program.pid}) since 2")
    program.communicate("go\n")


def test_two_windows_of_one_program(tmp_path: Path):
    with Holding.try_take(tmp_path) as first:
        assert isinstance(first, Holding)
        held = Holding.try_take(tmp_path)
        assert isinstance(held, Held)
        assert held.pid == os.getpid()
    with Holding.try_take(tmp_path) as again:
        assert isinstance(again, Holding)


def test_who_is_killed_holds_it_no_more(tmp_path: Path):
    program = other_program(tmp_path)
    program.send_signal(signal.SIGKILL)
    program.communicate()
    holding = Holding.try_take(tmp_path)
    assert isinstance(holding, Holding)
    held = Holding.try_take(tmp_path)
    assert isinstance(held, Held)
    assert held.pid == os.getpid()
    holding.release()


def test_what_it_leaves_says_nothing_once_it_is_released(tmp_path: Path):
    holding = Holding.try_take(tmp_path)
    assert isinstance(holding, Holding)
    holding.release()
    holding.release()
    assert {path.name for path in tmp_path.iterdir()} <= {"reviews.lock"}


def test_a_holder_that_has_not_signed(tmp_path: Path):
    with Holding.try_take(tmp_path):
        (tmp_path / "reviews.holder").write_text("{")
        assert str(Holding.try_take(tmp_path)) == "another program"


def test_a_folder_that_may_not_be_written(forbidden_folder: Path):
    with pytest.raises(StoreError, match=r"reviews\.lock: cannot be written; copy the cohort"):
        Holding.try_take(forbidden_folder)
