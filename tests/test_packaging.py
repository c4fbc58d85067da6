"""What is installed is whole: manifest, commands, bundled files."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from npe2 import PluginManifest

from hubmap_viewer.plugin import ABOVE, BELOW, DOCKS
from trainer.data.cohort import Cohort

ROOT = Path(__file__).parents[1]
RESOURCES = ROOT / "resources"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked."""
    made = tmp_path_factory.mktemp("made")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--wheel-dir", str(made)]
    subprocess.run([*command, "--no-deps", "--no-build-isolation", "--quiet"], check=True)
    unpacked = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(next(made.glob("*.whl"))).extractall(unpacked)
    return unpacked


def run(code: str, first: Path) -> str:
    """What a new Python prints that looks for packages in this folder first."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=first,
        env={**os.environ, "PYTHONPATH": str(first)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_wheel_has_what_the_checkout_has(wheel: Path) -> None:
    packaged = wheel / "trainer" / "_resources"
    for file in ("recipes/quick.yaml", "demo/cohort/train.csv", "demo/cohort/test.csv"):
        assert (packaged / file).read_bytes() == (RESOURCES / file).read_bytes()
    images = "demo/cohort/train_images/*.tiff"
    assert len(list(packaged.glob(images))) == len(list(RESOURCES.glob(images))) > 0
    assert (wheel / "hubmap_viewer" / "napari.yaml").is_file()
    migrations = "trainer/data/store/migrations/versions/*.py"
    names = [[path.name for path in sorted(there.glob(migrations))] for there in (wheel, ROOT)]
    assert names[0] == names[1] != []
    assert not (wheel / "tests").exists()


def test_an_installed_package_finds_its_own_resources(wheel: Path) -> None:
    code = "from trainer.locate import resource; print(resource('recipes/quick.yaml'))"
    assert Path(run(code, wheel)) == wheel / "trainer" / "_resources" / "recipes" / "quick.yaml"


def test_the_wheel_opens_its_demo(wheel: Path, tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from hubmap_viewer.demo import demo_cohort
from trainer.data.cohort import Cohort
cohort = Cohort.open(demo_cohort(Path({str(tmp_path / "demo")!r})))
print(len(cohort.cases), len(cohort.problems))
"""
    bundled = Cohort.open(RESOURCES / "demo" / "cohort")
    assert run(code, wheel) == f"{len(bundled.cases)} 0"


def test_the_manifest_is_sound_and_its_functions_are_there() -> None:
    manifest = PluginManifest.from_distribution("hubmap-viewer")
    manifest.validate_imports()
    widgets = manifest.contributions.widgets or []
    names = [widget.display_name for widget in widgets]
    assert sorted(names) == sorted([*ABOVE, *DOCKS, *BELOW])


@pytest.mark.parametrize("name", ["hubmap-viewer", "hubmap-trainer"])
def test_a_command_is_installed(name: str) -> None:
    (script,) = entry_points(group="console_scripts", name=name)
    assert callable(script.load())


def test_the_demo_is_small() -> None:
    files = [path for path in (RESOURCES / "demo").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 10e6
