"""A study's folder: begun, or gone on with where it is of the same study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.data.atomic import replacing, told
from trainer.errors import ExportError, SettingsError

_SETTINGS = "settings.json"


def begin(out: Path, settings: Mapping[str, Any]) -> None:
    """Write down what a study is of, or check that it is the one begun here before.

    Raises
    ------
    SettingsError
        If the folder holds another study, or anything else.
    ExportError
        If it cannot be written.
    """
    path = out / _SETTINGS
    try:
        earlier = json.loads(path.read_text("utf-8")) if path.exists() else None
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot be read ({error})", file=path) from error
    if earlier == settings:
        return
    with told(out, ExportError):
        there = earlier is not None or (out.exists() and any(out.iterdir()))
    if there:
        told_what = "holds another study" if earlier is not None else "is not empty"
        raise SettingsError(told_what, file=out, remedy="choose a new folder for the study")
    with replacing(path) as draft:
        draft.write_text(json.dumps(settings, indent=2, ensure_ascii=False), "utf-8")


def is_finished(run: Path) -> bool:
    """Whether a training in a folder has come to its end."""
    try:
        return bool(json.loads((run / "run.json").read_text("utf-8")).get("finished"))
    except (OSError, ValueError):
        return False
