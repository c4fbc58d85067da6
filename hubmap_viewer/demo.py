"""The bundled demo cohort, in a place where it may be written to."""

from __future__ import annotations

import shutil
from pathlib import Path

from platformdirs import user_data_path

from trainer.errors import CohortError
from trainer.locate import resource


def demo_cohort(folder: Path | None = None) -> Path:
    """Folder of a copy of the demo cohort; the same copy again at the next start.

    Parameters
    ----------
    folder
        Where the copy shall be; in the user's data folder if not given.

    Raises
    ------
    CohortError
        If the copy cannot be made.
    """
    folder = user_data_path("hubmap-viewer") / "demo" if folder is None else folder
    if (folder / "train.csv").is_file():
        return folder
    draft = folder.with_name(folder.name + ".part")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(resource("demo/cohort"), draft)
        draft.replace(folder)
    except OSError as error:
        raise CohortError(
            f"the demo cannot be copied here ({error.strerror})",
            file=folder,
            remedy="free some space, or make the folder writable",
        ) from error
    return folder
