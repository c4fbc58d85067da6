"""In which order cases are predicted."""

from __future__ import annotations

from hubmap_viewer.predicting import nearest_first

QUEUE = ("a", "b", "c", "d", "e")


def test_the_open_case_goes_first_then_its_neighbours_in_turn() -> None:
    assert nearest_first(QUEUE, QUEUE, "c") == ("c", "d", "b", "e", "a")
    assert nearest_first(QUEUE, QUEUE, "e") == ("e", "d", "c", "b", "a")


def test_cases_outside_the_queue_come_last_in_their_own_order() -> None:
    assert nearest_first(("x", "a", "y", "b"), ("b", "a"), "a") == ("a", "b", "x", "y")


def test_an_open_case_outside_the_queue_goes_first() -> None:
    assert nearest_first(("a", "b", "x"), ("a", "b"), "x") == ("x", "a", "b")


def test_only_the_asked_cases_are_predicted() -> None:
    assert nearest_first(("d", "a"), QUEUE, "c") == ("d", "a")
