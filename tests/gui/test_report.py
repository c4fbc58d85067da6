"""The report from the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog

from gui.conftest import Window


def test_a_click_writes_the_page(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    # The system's own dialog is not ours to drive.
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    dock = window.viewer.window.dock_widgets["Failures (hubmap-viewer)"]
    window.click(dock.report)
    window.wait(lambda: dock.report.job is None and dock.notice.text == f"Wrote {out}")
    assert "spleen" in out.read_text(encoding="utf-8")
    assert dock.report.text() == "Report…"
