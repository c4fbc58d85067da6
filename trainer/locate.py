"""Where the files that come with the project are."""

from __future__ import annotations

from pathlib import Path


def resource(name: str) -> Path:
    """Path of a bundled file or folder, such as ``recipes/quick.yaml``."""
    packaged = Path(__file__).parent / "_resources"
    root = packaged if packaged.is_dir() else Path(__file__).parent.parent / "resources"
    return root / name
