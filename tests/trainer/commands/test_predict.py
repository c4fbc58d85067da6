from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.settings import DenseCrf, Ensemble, Member, Stain, Window, read_ensemble, to_yaml


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_bad_case_costs_the_others_nothing_and_ends_with_1(
    cohort_folder: Path, trained: Path, tmp_path: Path
):
    (cohort_folder / "train_images" / "12.tiff").write_bytes(b"no tiff")
    out = tmp_path / "predictions"
    done = call("predict", cohort_folder, "--ensemble", trained, "--out", out, "--json")

    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert "12" not in document["cases"]
    assert len(document["cases"]) == 4
    assert len(document["problems"]) == 1
    assert "12.tiff" in document["problems"][0]
    assert len([line for line in done.stderr.splitlines() if "12.tiff" in line]) == 1


def test_the_same_call_again_makes_nothing_anew(cohort_folder: Path, trained: Path, tmp_path: Path):
    out = tmp_path / "predictions"
    words = ("predict", cohort_folder, "--ensemble", trained, "--out", out, "--device", "cpu")
    assert call(*words, "--memory", 20).exit_code == 0
    files = {path: path.stat().st_mtime_ns for path in out.glob("*.npz")}
    again = call(*words, "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["cases"] == [path.stem for path in sorted(files)]
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.npz")} == files
    assert not (out / "members").exists()


def test_another_mix_of_kept_members_needs_no_weights_of_its_own(
    cohort_folder: Path, trained: Path, tmp_path: Path
):
    out = tmp_path / "predictions"
    words = ("predict", cohort_folder, "--out", out, "--device", "cpu", "--keep-members")
    assert call(*words, "--ensemble", trained).exit_code == 0
    members = {path: path.stat().st_mtime_ns for path in (out / "members").glob("*.npz")}
    kept = {path.name for path in members}
    assert kept == {path.name for path in out.glob("*.npz")}
    before = json.loads((out / "prediction.json").read_text("utf-8"))
    mixed = read_ensemble(trained).model_copy(update={"fusion": "geometric"})
    (trained / "mixed.yaml").write_text(to_yaml(mixed), "utf-8")
    done = call(*words, "--ensemble", trained / "mixed.yaml")
    assert done.exit_code == 0, done.output
    after = json.loads((out / "prediction.json").read_text("utf-8"))
    assert before["fingerprint"] != after["fingerprint"]
    assert {path.name for path in out.glob("*.npz")} == kept
    assert {path: path.stat().st_mtime_ns for path in members} == members


def test_an_organ_that_no_member_serves_costs_its_cases_only(
    cohort_folder: Path, trained: Path, tmp_path: Path
):
    ensemble = read_ensemble(trained)
    lungs = [member.model_copy(update={"organs": ("lung",)}) for member in ensemble.members]
    path = trained / "lungs.yaml"
    path.write_text(to_yaml(ensemble.model_copy(update={"members": tuple(lungs)})), "utf-8")
    out = tmp_path / "predictions"
    done = call("predict", cohort_folder, "--ensemble", path, "--out", out, "--device", "cpu")
    assert done.exit_code == 1
    assert "case 11: no member of the ensemble serves the organ kidney" in done.stderr
    assert {path.stem for path in out.glob("*.npz")} == {"21", "22"}


def test_only_the_named_cases_are_predicted(cohort_folder: Path, trained: Path, tmp_path: Path):
    out = tmp_path / "predictions"
    words = ("--case", "31", "--case", "11")
    done = call("predict", cohort_folder, "--ensemble", trained, "--out", out, *words)

    assert done.exit_code == 0, done.output
    assert {path.stem for path in out.glob("*.npz")} == {"31", "11"}


def test_a_wrong_size_without_a_mask_is_told_and_predicted(
    cohort_folder: Path, trained: Path, tmp_path: Path
):
    table = cohort_folder / "test.csv"
    table.write_text(table.read_text("utf-8").replace("280,280", "281,280"), "utf-8")
    words = ("--out", tmp_path / "p", "--case", "31", "--case", "31", "--json")
    done = call("predict", cohort_folder, "--ensemble", trained, *words)

    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["cases"] == ["31"]
    (told,) = document["problems"]
    assert "test.csv, row 2, case 31: img_height is 281, but 31.tiff is 280×280" in told


def test_every_key_of_an_ensemble_is_told_as_its_settings_describe_it() -> None:
    done = call("predict", "--keys")
    assert done.exit_code == 0
    told = done.stdout.splitlines()
    for settings, depth in ((Ensemble, 0), (Member, 1), (Window, 2), (Stain, 1), (DenseCrf, 2)):
        for name, field in settings.model_fields.items():
            assert field.description
            assert f"{2 * depth * ' ' + name:<22}{field.description}" in told
