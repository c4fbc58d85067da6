"""``python -m trainer.demo``: draw a cohort."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import track

from trainer.demo.cohort import plan, write_cohort
from trainer.errors import TrainerError


def main(arguments: list[str] | None = None) -> int:
    """Parse, draw, say where it is; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer.demo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the new cohort")
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same cohort")
    parser.add_argument("--cases-per-organ", type=int, default=2, metavar="N")
    parser.add_argument("--size", type=int, default=1000, metavar="PX", help="side of an image")
    parser.add_argument(
        "--showcase",
        action="store_true",
        help="as bundled: sizes vary, one case of 3000 px, three wrong truths, two test cases",
    )
    chosen = parser.parse_args(arguments)
    if chosen.cases_per_organ < 1 or not 100 <= chosen.size <= 10_000:
        parser.error("at least 1 case per organ, and a size of 100 to 10000 pixels")
    orders = plan(chosen.seed, chosen.cases_per_organ, chosen.size, chosen.showcase)
    steps = write_cohort(chosen.out, orders, chosen.seed)
    console = Console(stderr=True)
    try:
        for _ in track(steps, "drawing", total=len(orders), console=console):
            pass
    except TrainerError as error:
        console.print(str(error), style="red")
        return 1
    console.print(f"{len(orders)} cases in {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
