"""`hubmap-viewer`: the window with a cohort in it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from trainer.errors import TrainerError


def main(argv: list[str] | None = None) -> int:
    """Open the window; 0 when it is closed, 1 when it could not open."""
    options = _parser().parse_args(argv)
    if options.doctor:
        from hubmap_viewer.doctor import report

        return report()
    try:
        return _show(options.cohort, demo=options.demo)
    except TrainerError as error:
        sys.stderr.write(f"hubmap-viewer: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hubmap-viewer",
        description="Review, correct and retrain histology segmentation in napari.",
        epilog="examples:  hubmap-viewer ~/hubmap   ·   hubmap-viewer --demo",
    )
    parser.add_argument("cohort", nargs="?", type=Path, help="a folder with train.csv, or the csv")
    parser.add_argument("--demo", action="store_true", help="open the bundled demo cohort")
    parser.add_argument("--doctor", action="store_true", help="say what this machine offers")
    return parser


def _show(cohort: Path | None, *, demo: bool) -> int:
    import napari

    from hubmap_viewer.demo import demo_cohort
    from hubmap_viewer.plugin import open_all, open_cohort

    if demo:
        cohort = demo_cohort()
    if cohort is not None and not cohort.exists():
        raise TrainerError("there is no such folder", file=cohort)
    viewer = napari.Viewer(title="HuBMAP review")
    if cohort is None:
        open_all(viewer)
    else:
        open_cohort(viewer, cohort)
    napari.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
