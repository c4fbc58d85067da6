"""`hubmap-trainer`: parse, call, print, exit.

Commands import what they need themselves, so that ``--help`` is there at once.
"""

from __future__ import annotations

import typer

from trainer.commands import (
    accept,
    agreement,
    bench,
    calibrate,
    causes,
    compare,
    duplicates,
    evaluate,
    export,
    findings,
    history,
    models,
    plan,
    predict,
    preview,
    promote,
    report,
    runs,
    stats,
    study,
    suspects,
    train,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Train, predict, evaluate and export segmentations of a cohort of histology images."
    "\n\nA COHORT is a folder with train.csv or test.csv in the competition's layout.",
    epilog="Status: 0 all done; 1 something went wrong, a line each; 2 a wrong call.",
)

app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(epilog=export.EXAMPLES)(export.export)
app.add_typer(study.app, name="study")
app.command(epilog=accept.EXAMPLES)(accept.accept)
app.command(epilog=agreement.EXAMPLES)(agreement.agreement)
app.command(epilog=bench.EXAMPLES)(bench.bench)
app.command(epilog=calibrate.EXAMPLES)(calibrate.calibrate)
app.command(epilog=causes.EXAMPLES)(causes.causes)
app.command(epilog=compare.EXAMPLES)(compare.compare)
app.command(epilog=duplicates.EXAMPLES)(duplicates.duplicates)
app.command(epilog=findings.EXAMPLES)(findings.findings)
app.command(epilog=history.EXAMPLES)(history.history)
app.command(epilog=models.EXAMPLES)(models.models)
app.command(epilog=plan.EXAMPLES)(plan.plan)
app.command(epilog=predict.EXAMPLES)(predict.predict)
app.command(epilog=preview.EXAMPLES)(preview.preview)
app.command(epilog=promote.EXAMPLES)(promote.promote)
app.command(epilog=report.EXAMPLES)(report.report)
app.command(epilog=runs.EXAMPLES)(runs.runs)
app.command(epilog=stats.EXAMPLES)(stats.stats)
app.command(epilog=suspects.EXAMPLES)(suspects.suspects)


def main() -> None:
    """Run `hubmap-trainer`."""
    app(prog_name="hubmap-trainer")


if __name__ == "__main__":
    main()
