"""`hubmap-trainer`: parse, call, print, exit.

Commands import what they need themselves, so that ``--help`` is there at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table

from trainer import named
from trainer.commands import (
    accept,
    agreement,
    bench,
    calibrate,
    causes,
    compare,
    duplicates,
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
)
from trainer.commands.threads import yield_threads
from trainer.data.exchange import Format, What
from trainer.errors import CohortError, TrainerError
from trainer.terminal import Listener, Stopping, Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.store import Store
    from trainer.object_metrics import ObjectScores
    from trainer.settings import Recipe
    from trainer.train.report import Row

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Train, predict, evaluate and export segmentations of a cohort of histology images."
    "\n\nA COHORT is a folder with train.csv or test.csv in the competition's layout.",
    epilog="Status: 0 all done; 1 something went wrong, a line each; 2 a wrong call.",
)

CohortArgument = Annotated[
    Path, typer.Argument(metavar="COHORT", help="The cohort's folder, or its csv.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="The result as one JSON document.")]
DeviceOption = Annotated[
    str | None, typer.Option(metavar="D", help="cuda:0, mps, cpu …; the fastest if left out.")
]
PredictionsOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="A folder that `predict` has written.")
]

_TRAIN = """Examples:

hubmap-trainer train data --recipe quick --out runs/first

hubmap-trainer train data --recipe mine.yaml --out runs/fixed --curated --device cuda:0

hubmap-trainer train data --recipe quick --out runs/next --curated --warm-start runs/first"""


@app.command(epilog=_TRAIN)
def train(
    cohort: CohortArgument,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A bundled recipe, or a recipe's YAML.")
    ],
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder of the run.")],
    curated: Annotated[
        bool, typer.Option("--curated", help="Accepted curated masks take truth's place.")
    ] = False,
    device: DeviceOption = None,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.01, help="Time for all folds; else the recipe's."),
    ] = None,
    devices: Annotated[
        int, typer.Option(metavar="N", min=1, help="Of that kind, that train together.")
    ] = 1,
    warm_start: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Members go on from an earlier run's; else from the encoder's start.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train an ensemble, a member a fold, and measure it on what each member did not see.

    Ctrl+C stops it; folds that are finished stay usable, and the same call goes on from there.
    A training that was killed goes on at its last epoch. Several devices share each step's
    samples; several machines do where torchrun starts this on each.
    """
    from trainer.train.processes import Processes

    helps = not Processes.of(devices).leads
    with Terminal(json, quiet=helps).speaking() as terminal, Wish() as wish:
        chosen = named.recipe(recipe)
        if minutes is not None:
            chosen = chosen.model_copy(update={"minutes": minutes})
        opened = named.cohort(cohort, terminal)
        store = named.store(opened, terminal) if curated else None
        yield_threads()
        from trainer.train.rounds import train as train_in_rounds

        _say_unlabelled(opened, store, chosen, terminal)
        if warm_start is not None:
            terminal.note(f"Members go on from those of {warm_start}.")
        with terminal.meter() as meter, Stopping(out):
            listener = Listener(terminal, meter, wish)
            result = train_in_rounds(
                opened,
                chosen,
                out,
                curated=store,
                device=device,
                devices=devices,
                progress=listener.hear,
                parent=warm_start,
            )
        nothing = f"{out}: trained on all cases, so there is no Dice of unseen ones."
        table = _organs(result.report, f"{out}: Dice of out-of-fold predictions")
        terminal.result(
            {"run": str(out), "organs": [_as_json(row) for row in result.report]},
            table if result.report else nothing,
        )


_EVALUATE = """Examples:

hubmap-trainer evaluate data --predictions runs/first/oof

hubmap-trainer evaluate data --predictions predictions --csv dice.csv --json"""


@app.command(epilog=_EVALUATE)
def evaluate(
    cohort: CohortArgument,
    predictions: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder that `predict` has written.")
    ],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a csv, a row a case.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Dice and IoU of predictions against truth, by case and by organ.

    Unit by unit too, by the 2015 gland contest's measures: detection F1, object Dice, and object
    Hausdorff in pixels of the image; the means over cases, and of all cases as one set of units,
    which is what the contest gives.
    """
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        from trainer.data.predictions import Predictions
        from trainer.export import spare
        from trainer.object_metrics import as_one
        from trainer.train import report

        folder = Predictions.open(predictions)
        there = folder.ids()
        cases = [one for one in opened.cases.values() if one.has_truth and one.id in there]
        found = []
        for score in report.scores(cases, opened.truth, folder, objects=True):
            if isinstance(score, TrainerError):
                terminal.problem(score)
            else:
                found.append(score)
        if not found:
            raise CohortError("no case has both a truth and a prediction", file=predictions)
        if seen := sum(score.in_sample for score in found):
            terminal.note(f"{seen} cases were seen in training: their Dice is too good.")
        if csv is not None:
            spare(opened.folder, csv)
            report.write_cases(csv, found)
        rows = report.by_organ(found)
        units = as_one(score.units for score in found if score.units is not None)
        document = {
            "cases": [_as_json(score, "units") for score in found],
            "organs": [_as_json(row) for row in rows],
            "units": _as_json(units) | {"hausdorff": units.finite_hausdorff},
        }
        terminal.result(document, Group(_organs(rows, "Dice against truth"), _as_a_set(units)))


_EXPORT = """Examples:

hubmap-trainer export data --what curated --format rle --out submission.csv

hubmap-trainer export data --what curated --as-of runs/fixed --format png --out learned

hubmap-trainer export data --what prediction --predictions predictions --format tiff --out masks"""


@app.command(epilog=_EXPORT)
def export(
    cohort: CohortArgument,
    what: Annotated[What, typer.Option(help="Whose masks.")],
    format: Annotated[Format, typer.Option(help="rle and coco are one file, others a folder.")],
    out: Annotated[Path, typer.Option(metavar="PATH", help="The file or folder to write.")],
    predictions: PredictionsOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="TIME|RUN",
            help="Curated masks as they were then (ISO, in UTC), or as a run has learned them.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write masks of the images' own size, all of them or none."""
    if what == "prediction" and predictions is None:
        raise typer.BadParameter("--what prediction needs --predictions DIR")
    if what != "curated" and as_of is not None:
        raise typer.BadParameter("--as-of is about --what curated")
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        from trainer.data.predictions import Predictions
        from trainer.export import Selection, write

        store = named.store(opened, terminal) if what == "curated" else None
        folder = None if predictions is None else Predictions.open(predictions)
        kept = None if store is None or as_of is None else named.revisions(store, as_of)
        selection = Selection(opened, what, store, folder, revisions=kept)
        try:
            count = write(selection.masks(), format, out)
        finally:
            for problem in selection.problems:
                terminal.problem(problem)
        terminal.result({"out": str(out), "masks": count}, f"{count} masks in {out}")


# commands with a module of their own
app.add_typer(study.app, name="study")
app.command(epilog=suspects.EXAMPLES)(suspects.suspects)
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


def main() -> None:
    """Run `hubmap-trainer`."""
    app(prog_name="hubmap-trainer")


def _say_unlabelled(
    cohort: Cohort, store: Store | None, recipe: Recipe, terminal: Terminal
) -> None:
    from trainer.train.labels import Labels

    labels = Labels.gather(cohort, store, recipe.labels, recipe.organs)
    worthless, rejected = len(labels.left_out()), len(labels.rejected)
    wanted = [case for case in cohort.cases.values() if case.organ in recipe.organs]
    total = len(wanted if recipe.organs else cohort.cases)
    if recipe.organs:
        others = len(cohort.cases) - total
        terminal.note(
            f"{others} cases of other organs than {', '.join(recipe.organs)} are left out."
        )
    if count := total - len(labels.cases()) - worthless - rejected:
        told = "have no mask and are not trained on"
        if recipe.pseudo.rounds:
            told = "have no mask: later rounds learn what the one before predicts"
        terminal.note(f"{count} of {total} cases {told}.")
    if store is not None:
        terminal.note(f"{len(labels.revisions)} accepted curated masks take their truth's place.")
    if rejected:
        terminal.note(f"{rejected} rejected cases are left out.")
    if worthless:
        terminal.note(f"{worthless} cases are left out: the recipe's `labels` has no use for them.")


def _organs(rows: tuple[Row, ...] | list[Row], title: str) -> Table:
    units = any(row.object_f1 is not None for row in rows)
    names = ("F1", "object Dice", "Hausdorff") if units else ()
    table = Table("organ", "cases", "mean", "median", "sd", *names, title=title)
    for row in rows:
        figures = (row.dice_mean, row.dice_median, row.dice_sd)
        cells = [f"{figure:.3f}" for figure in figures]
        if units:
            objects = ((row.object_f1, 3), (row.object_dice, 3), (row.object_hausdorff, 1))
            cells += ["–" if one is None else f"{one:.{digits}f}" for one, digits in objects]
        table.add_row(row.organ, str(row.cases), *cells)
    return table


def _as_a_set(units: ObjectScores) -> str:
    far = units.finite_hausdorff
    distance = "" if far is None else f", object Hausdorff {far:.1f}"
    return (
        f"All units as one set ({units.found} found, {units.true} true): "
        f"F1 {units.f1:.3f}, object Dice {units.dice:.3f}{distance}."
    )


def _as_json(value: object, *left_out: str) -> dict[str, object]:
    from dataclasses import asdict

    plain = asdict(value)  # pyright: ignore[reportArgumentType]
    return {
        key: item if isinstance(item, str | int | float | None) else str(item)
        for key, item in plain.items()
        if key not in left_out
    }


if __name__ == "__main__":
    main()
