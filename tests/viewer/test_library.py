"""What can be picked for a cohort."""

from __future__ import annotations

from pathlib import Path

from hubmap_viewer import library


def test_a_cohort_s_own_recipes_go_first_then_the_quick_one(tmp_path: Path):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "zebra.yaml").write_text("name: zebra\n", "utf-8")
    names = [entry.name for entry in library.recipes(tmp_path)]
    assert names[:2] == ["zebra", "quick"]
    assert {"laptop-gpu-10gb", "seed", "place-1", "place-8"} <= {*names}
