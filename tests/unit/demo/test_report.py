"""The report: what it counts, what it calls wrong, and that its page needs nothing else."""

import json
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from deploy.local.report import numbers, page, summary
from deploy.local.report.figures import Bar, Place, Series, bars, columns, country
from deploy.local.report.writing import assemble, find
from deploy.local.simulation import Outcome
from deploy.local.simulation.opening import Imported
from deploy.local.simulation.play import Seconds
from services.intake.domain.tables import load_tables
from tests.unit.demo.world import BEGAN, World, a_sound_world

TABLES = load_tables()
WEEKS = 10
REFUSAL = {"record": 2, "line": 3, "field": "email", "value": "<b>", "reason": "Not an address."}


def an_outcome(**changed: Any) -> Outcome:
    imported = Imported(5, 3, 1, 1, (REFUSAL,), 0, 0.5)
    outcome = Outcome(
        people="people.csv",
        weeks=WEEKS,
        seed=7,
        programme="p",
        began=BEGAN,
        imported=imported,
        imported_again=replace(imported, registered=0, repeated=4),
        on_the_web=1,
        record_of={
            ("mentee", "amal@example.org"): 1,
            ("mentor", "bodil@example.org"): 3,
            ("mentee", "cigdem@example.org"): 4,
        },
        surprises=(),
        retries=0,
        steps=12,
        seconds=Seconds(),
    )
    return replace(outcome, **changed)


def a_report(world: World, outcome: Outcome) -> dict[str, Any]:
    books = world.books(now=BEGAN + timedelta(weeks=WEEKS))
    seconds = {"setup": 1.0, "import": 0.5, "first_round": 2.0, "total": 9.87654}
    return assemble(books, outcome, "embedded", seconds)


def test_the_report_has_the_keys_that_are_promised() -> None:
    report = a_report(a_sound_world(), an_outcome())
    assert json.loads(json.dumps(report)) == report
    assert {
        "people": {"records", "registered", "refused", "repeated", "mentees", "mentors"},
        "matches": {
            *("proposed", "mentee_accepted", "accepted"),
            *("declined", "expired", "withdrawn", "ended"),
        },
        "mentees": {"placed", "waiting", "waiting_without_reason"},
        "check_ins": {"due", "completed", "overdue", "escalated"},
        "messages": {"sent", "failed", "resent", "doubled"},
        "events": {
            *("published", "journaled", "duplicates_dropped"),
            *("parked", "lost", "doubled"),
        },
        "violations": {
            *("overbooked", "two_open_matches", "mentor_asked_before_mentee"),
            *("same_pair_again", "not_with_broken", "no_common_language"),
        },
        "seconds": {"setup", "import", "first_round", "total"},
    }.items() <= {
        name: _Superset(part) for name, part in report.items() if isinstance(part, dict)
    }.items()
    assert report["people"]["repeated"] == 1
    assert report["engine"] == "embedded"
    assert report["seed"] == 7
    assert report["refusals"] == [REFUSAL]


class _Superset(set[str]):
    """Equal to each set that it holds."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, set) and set(self) >= other

    __hash__ = None


def test_pairs_are_told_by_record_and_by_address_where_there_is_none() -> None:
    report = a_report(a_sound_world(), an_outcome())
    assert report["pairs"] == [[1, 3, "ended"], [4, "dorte@example.org", "accepted"]]


def test_nothing_is_wrong_with_a_sound_world() -> None:
    outcome = an_outcome()
    assert find(a_report(a_sound_world(), outcome), outcome) == []


def break_a_seat(world: World) -> None:
    world.documents["followup", "known"]["matches/m1"]["seen"]["matches"][1] -= 1


def break_a_mail(world: World) -> None:
    world.mails.append(replace(world.mails[0], message_id="another"))


def break_a_pair(world: World) -> None:
    document = world.documents["intake", "participants"]["dorte"]
    document["state"]["person"]["hashes"]["not_with"] = ["hash of cigdem"]


@pytest.mark.parametrize(
    ("break_it", "words"),
    [(break_a_seat, "lost"), (break_a_mail, "twice"), (break_a_pair, "not with broken")],
)
def test_what_is_wrong_is_said_in_a_sentence(break_it: Any, words: str) -> None:
    world, outcome = a_sound_world(), an_outcome()
    break_it(world)
    findings = find(a_report(world, outcome), outcome)
    assert any(words in finding for finding in findings)


def test_surprises_and_an_import_that_does_not_fit_the_books_are_wrong_too() -> None:
    imported = replace(an_outcome().imported, registered=2, repeated=2)
    outcome = an_outcome(imported=imported, surprises=("500 for POST /x: 1 times",))
    findings = find(a_report(a_sound_world(), outcome), outcome)
    assert len(findings) == 2
    cut_off = an_outcome(imported=replace(imported, cut_off=1))
    assert find(a_report(a_sound_world(), cut_off), cut_off) == []
    again = an_outcome(imported_again=replace(imported, registered=1))
    assert find(a_report(a_sound_world(), again), again)


def test_numbers_are_counted_week_by_week() -> None:
    counted = numbers.count(a_sound_world().books(), TABLES, BEGAN, WEEKS)
    assert list(counted.funnel.values()) == [2, 2, 2, 2, 2]
    assert list(counted.mentors.values()) == [2, 2, 2]
    assert counted.weeks_waited == [2, *[0] * 9]
    assert counted.median_days == 2.5
    assert counted.check_ins_by_week["due"] == [0, 0, 2, *[0] * 7]
    assert counted.check_ins_now == {"completed": 2}
    assert counted.by_city == {"461": 2}
    (told,) = counted.proposals
    assert told.who == "A mentee in Odense"
    assert told.reasons == ("They share interests or life topics: chess (300 points)",)


class Parser(HTMLParser):
    """Every tag is closed that was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _attrs: Any) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("findings", [(), ("3 events <b>were</b> lost",)])
def test_the_page_is_whole_and_fetches_nothing(findings: tuple[str, ...]) -> None:
    world = a_sound_world()
    report = a_report(world, an_outcome())
    counted = numbers.count(world.books(), TABLES, BEGAN, WEEKS)
    html = page.render(report, counted, TABLES, findings, WEEKS)
    parser = Parser()
    parser.feed(html)
    assert parser.open == []
    assert "//" not in html
    assert "<script" not in html
    assert "<b>" not in html
    assert ("none was lost" in html) is (not findings)
    assert html.count('role="img"') == 4
    assert html.count("<caption") >= 7


def test_the_audits_of_the_largest_and_the_last_round_are_shown() -> None:
    world = a_sound_world()
    for number, people in enumerate((40, 12, 3)):
        round_id = f"rounds/network.{number}"
        world.document("matching", "rounds", round_id)["state"] = a_round_record(number, people)
    counted = numbers.count(world.books(), TABLES, BEGAN, WEEKS)
    assert [(one.title, one.rows[0][1]) for one in counted.audits] == [
        ("The largest round, 05 January 2026", 40),
        ("The last round, 12 January 2026", 12),
    ]
    assert counted.audits[0].rows[1] == ("first language: Danish", 40, 30, 75, 12.5, 400.0)
    html = page.render(a_report(world, an_outcome()), counted, TABLES, (), WEEKS)
    assert html.count('role="img"') == 6
    assert "7 mentees had no mentor who fits them" in html


def a_round_record(number: int, people: int) -> dict[str, Any]:
    """As matching keeps a round of so many mentees, of whom ten got nobody."""
    waited = {"lower": 2.0, "median": 12.5, "upper": 20.0}
    cell = {
        "group": "da",
        "people": people,
        "placed": people - 10,
        "waited": waited,
        "score": 400.0,
    }
    return {
        "instant": BEGAN + timedelta(weeks=number),
        "seed": 1,
        "blocking_pairs": 0,
        "audit": {
            "everybody": {**cell, "group": "everybody"},
            "tables": [{"by": "first_language", "cells": [cell] if people >= 5 else []}],
            "unmatchable": 7,
            "unmatchable_tables": [],
        },
    }


def test_an_empty_network_has_a_page_too() -> None:
    world = World()
    books = world.books()
    counted = numbers.count(books, TABLES, BEGAN, 1)
    report = a_report(world, an_outcome())
    assert "Nobody" in page.render(report, counted, TABLES, (), 1)


def test_figures_say_their_title_and_escape_what_stands_in_them() -> None:
    for figure in (
        bars("<Title>", [Bar("<label>", 3), Bar("none", 0)]),
        columns("<Title>", ["<1>", "2"], [Series("<a>", [0, 2], "tone-1")]),
        country("<Title>", [Place("<Ærø>", 54.9, 10.4, 2), Place("none", 55, 11, 0)]),
        bars("<Title>", []),
        columns("<Title>", [], []),
        country("<Title>", []),
    ):
        assert "&lt;Title&gt;" in figure
        assert not {"<Title>", "<label>", "<1>", "<Ærø>"} & set(figure.split('"'))
        parser = Parser()
        parser.feed(figure)
        assert parser.open == []


def test_the_summary_says_whether_all_is_well() -> None:
    report = a_report(a_sound_world(), an_outcome())
    well = " ".join(summary.lines(report, (), WEEKS))
    assert "4 people registered (2 mentees, 2 mentors, 1 of them on the web)" in well
    assert "Nothing was lost" in well
    assert "1 things are not" in " ".join(summary.lines(report, ("x",), WEEKS))
