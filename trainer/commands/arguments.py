"""What many commands are called with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CohortArgument = Annotated[
    Path, typer.Argument(metavar="COHORT", help="The cohort's folder, or its csv.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="The result as one JSON document.")]
