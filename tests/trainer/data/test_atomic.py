from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from trainer.data.atomic import replacing
from trainer.errors import ExportError


def write(path: Path) -> None:
    with replacing(path) as draft:
        draft.write_text("new")


def test_a_device_is_not_replaced_by_a_file(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ExportError, match="pipe: is a device, not a file; choose another name"):
        write(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path):
    with pytest.raises(ExportError, match="is a folder; choose another name"):
        write(tmp_path)


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path):
    (tmp_path / "disk").mkdir()
    file, link = tmp_path / "disk" / "masks.csv", tmp_path / "masks.csv"
    file.write_text("old")
    link.symlink_to(file)
    write(link)
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert [path.name for path in file.parent.iterdir()] == ["masks.csv"]
