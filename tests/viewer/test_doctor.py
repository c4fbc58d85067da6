from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hubmap_viewer.doctor import Finding, findings

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def found(about: str) -> Finding:
    """The finding on one thing; what would be looked at later is not."""
    return next(finding for finding in findings() if finding.about == about)


def test_a_data_folder_that_cannot_be_written_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder can be in here")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert str(tmp_path / "file") in found("data folder").found
    assert "make it writable" in found("data folder").remedy


def test_a_data_folder_that_can_be_written_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert not found("data folder").remedy
    assert not any(tmp_path.rglob("*.*"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_without_a_screen_the_report_says_so_and_fails() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in SCREENS}
    done = subprocess.run(
        [sys.executable, "-m", "hubmap_viewer.app", "--doctor"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    problems = [line for line in lines if line.startswith("problem")]
    assert any("OpenGL" in line and "no screen" in line for line in problems)
    assert lines[-1].startswith(f"{len(problems)} problem")
    assert any(line.startswith("ok") and "device cpu" in line for line in lines)
    assert sum("→" in line for line in lines) == len(problems)
