from __future__ import annotations

from pathlib import Path

import pytest

from trainer.errors import CohortError
from trainer.review import groups


def test_look_alikes_and_patients_are_kept_together_also_by_way_of_each_other(tmp_path: Path):
    assert groups.together(tmp_path) == {}
    (tmp_path / "duplicates.csv").write_text("id,group\n1,a\n2,a\n5,b\n6,b\n")
    (tmp_path / "patients.csv").write_text("id,patient\n2,ann\n3,ann\n4,bob\n")

    found = groups.together(tmp_path)
    assert found["1"] == found["2"] == found["3"]
    assert found["5"] == found["6"]
    assert len(set(found.values())) == 3
    assert groups.read(tmp_path) == {"1": "a", "2": "a", "5": "b", "6": "b"}


def test_a_list_of_patients_without_them_is_told(tmp_path: Path):
    (tmp_path / "patients.csv").write_text("id,group\n1,a\n")
    with pytest.raises(CohortError, match="the column patient is missing; give it id,patient"):
        groups.together(tmp_path)
