import json
import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.columns import COLUMNS, unknown_columns
from services.intake.domain.profile import Registration
from services.intake.domain.record import notices, read_record
from services.intake.domain.spreadsheet import open_table
from services.intake.domain.tables import load_tables
from shared.events.participants import KindOfHelp, Role, TimeOfWeek
from tests.unit.intake.records import (
    IN_FORCE,
    REAL_FILE,
    a_record,
    needs_the_real_file,
    problems,
    registered,
)

TABLES = load_tables()


def test_a_record_is_read_into_a_registration() -> None:
    assert registered(goals="Mål", request=" ønske ", not_with="B@Example.org") == Registration(
        role=Role.MENTOR,
        name="Åse Kjær",
        email="ase@example.org",
        phone="+4532123456",
        locale="da",
        city="751",
        languages=("da", "en"),
        profession="2221",
        wished_profession=None,
        education_level=6,
        education_field=None,
        kinds_of_help=(KindOfHelp.JOB_SEARCH, KindOfHelp.CONFIDENCE),
        interests=("choir singing", "chess"),
        topics=("parenting",),
        availability=(TimeOfWeek.TUE_EVENING, TimeOfWeek.SAT_MORNING),
        meets_online=True,
        seats=2,
        not_with=("b@example.org",),
        charter_version="2026-1",
        goals="Mål",
        request=" ønske ",
        story=" Min historie\n",
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("email", "", "no e-mail address"),
        ("email", "not-an-address", "not an e-mail address"),
        ("role", "", "mentee or mentor"),
        ("role", "menter", "mentee or mentor"),
        ("municipality", "", "no municipality"),
        ("municipality", "Arhuus", r"Did you mean Aarhus \(751\)"),
        ("municipality", "999", "three-digit code"),
        ("languages", "", "no language"),
        ("languages", "klingonsk", "no such language"),
        ("languages", "danks", r"Danish \(da\)"),
        ("seats", "many", "from 1 to 5"),
        ("seats", "", "from 1 to 5"),
        ("seats", "0", "from 1 to 5"),
        ("seats", "6", "from 1 to 5"),
        ("seats", "-1", "from 1 to 5"),
        ("seats", "1.5", "from 1 to 5"),
        ("charter", "", "No charter"),
        ("charter", "2019-1", "not in force"),
        ("availability", "someday", "Known are"),
        ("wants_or_offers", "", "no kind of help"),
        ("wants_or_offers", "babysitting", "Known are"),
        ("isco", "99x1", r"2221 \(Nursing professionals\)"),
        ("isco", "2229", "no unit group"),
        ("isco", "221", "four digits"),
        ("profession", "9999", "no unit group"),
        ("profession", "22x1", "no unit group"),
        ("wished_profession", "9999", "no unit group"),
        ("education", "9", "0 to 8"),
        ("education", "much", "0 to 8"),
        ("education_field", "11", "00 to 10"),
        ("online_ok", "perhaps", "yes or no"),
        ("not_with", "her", "not an e-mail address"),
    ],
)
def test_a_wrong_field_is_refused_with_the_next_step(field: str, value: str, said: str) -> None:
    (problem,) = problems(**{field: value})
    assert (problem.field, problem.value) == (field, value)
    assert re.search(said, problem.reason)
    assert problem.reason.endswith((".", "?"))


def test_all_that_is_wrong_is_told_at_once_each_field_once() -> None:
    found = problems(role="", email="x", languages="da;xx;yy", charter="", seats="many")
    assert Counter(problem.field for problem in found) == Counter(
        ["role", "email", "languages", "charter"]
    )
    assert next(each.value for each in found if each.field == "languages") == "xx; yy"


def test_a_reason_never_repeats_what_she_wrote() -> None:
    found = problems(email="secret", role="secret", municipality="secret", languages="secret")
    assert not any("secret" in problem.reason for problem in found)


@pytest.mark.parametrize("spelling", ["yes", "ja", "TRUE", "1", "x", " Ja "])
def test_yes_has_many_spellings(spelling: str) -> None:
    assert registered(online_ok=spelling).meets_online


@pytest.mark.parametrize("spelling", ["no", "nej", "false", "0", "", " "])
def test_no_has_many_spellings(spelling: str) -> None:
    assert not registered(online_ok=spelling).meets_online


def test_a_mentee_has_no_seats_whatever_is_written() -> None:
    assert registered(role="mentee", seats="3").seats == 0
    assert registered(role="Mentee", seats="").seats == 0


def test_a_valid_code_wins_over_a_title_and_a_title_stands_in_for_a_blank_code() -> None:
    assert registered(isco="3434", profession="Sygeplejerske").profession == "3434"
    assert registered(isco="", profession="sygeplejerske").profession == "2221"
    assert registered(isco="", profession="2221").profession == "2221"
    assert registered(isco="", profession="").profession is None


def test_numbers_that_a_spreadsheet_made_are_read() -> None:
    read = registered(isco="110.0", municipality="461.0", education="6,0", seats="2.0")
    assert read.profession == "0110"
    assert (read.city, read.education_level, read.seats) == ("461", 6, 2)


def test_an_unknown_title_is_a_notice_and_no_refusal() -> None:
    fields = a_record(isco="", profession="Dragon tamer")
    registration = read_record(fields, TABLES, IN_FORCE)
    assert isinstance(registration, Registration)
    assert registration.profession is None
    assert [notice.field for notice in notices(fields, TABLES)] == ["profession"]
    assert notices(a_record(profession="Dragon tamer"), TABLES) == ()


def test_what_is_left_out_is_noticed() -> None:
    fields = a_record(name=" ", phone="call me", locale="xx", availability="")
    assert isinstance(read_record(fields, TABLES, IN_FORCE), Registration)
    found = {notice.field for notice in notices(fields, TABLES)}
    assert found == {"name", "phone", "locale", "availability"}
    assert registered(phone="call me").phone is None
    assert registered(phone="32 12 34 56").phone == "+4532123456"


def test_messages_come_in_a_language_that_she_named() -> None:
    assert registered(locale="da-DK").locale == "da"
    assert registered(locale="arabisk").locale == "ar"
    assert registered(locale="", languages="fa; uk; da").locale == "uk"
    assert registered(locale="", languages="fa").locale == "en"


def test_an_address_is_the_same_however_it_is_written() -> None:
    assert registered(email=" Ase@BLÅBÆR.dk ").email == "ase@xn--blbr-roah.dk"


def test_columns_go_by_danish_names_in_any_case() -> None:
    fields = a_record()
    danish = {"Rolle": fields.pop("role"), "KOMMUNE": fields.pop("municipality")} | {
        "E-mail": fields.pop("email"),
        "Må mødes online": fields.pop("online_ok"),
    }
    assert read_record(fields | danish, TABLES, IN_FORCE) == registered()
    refused = read_record(fields | danish | {"KOMMUNE": "Atlantis"}, TABLES, IN_FORCE)
    assert isinstance(refused, tuple)
    assert [problem.field for problem in refused] == ["KOMMUNE"]


def test_absent_columns_read_as_empty() -> None:
    refused = read_record({}, TABLES, IN_FORCE)
    assert isinstance(refused, tuple)
    required = {"role", "email", "municipality", "languages", "wants_or_offers", "charter"}
    assert {problem.field for problem in refused} == required


def test_unknown_columns_are_noticed() -> None:
    found = unknown_columns([*COLUMNS, "Shoe size", "Kommune"])
    assert [notice.field for notice in found] == ["Shoe size", "Kommune"]
    assert unknown_columns(a_record()) == ()


def test_no_column_has_the_name_of_another() -> None:
    names = [name for ours, others in COLUMNS.items() for name in (ours, *others)]
    assert unknown_columns(COLUMNS) == ()
    assert len({name.casefold() for name in names}) == len(names)


@given(st.text(), st.text(), st.text())
def test_her_own_words_stay_as_she_gave_them(story: str, goals: str, request: str) -> None:
    read = registered(story=story, goals=goals, request=request)
    assert (read.story, read.goals, read.request) == (story, goals, request)


@given(st.dictionaries(st.sampled_from([*COLUMNS]), st.text(max_size=60)))
def test_whatever_stands_in_a_record_it_is_registered_or_refused(fields: dict[str, str]) -> None:
    result = read_record(fields, TABLES, IN_FORCE)
    if isinstance(result, tuple):
        assert result
        assert all(problem.reason for problem in result)
    notices(fields, TABLES)


@given(
    name=st.text(min_size=1, max_size=40),
    phone=st.text(max_size=20),
    locale=st.sampled_from(["en", "da", "ar", "uk", ""]),
    story=st.text(max_size=80),
)
def test_name_phone_locale_and_story_change_nothing_that_is_matched_by(
    name: str, phone: str, locale: str, story: str
) -> None:
    usual = registered()
    other = registered(name=name, phone=phone, locale=locale, story=story)
    same = replace(
        other, name=usual.name, phone=usual.phone, locale=usual.locale, story=usual.story
    )
    assert same == usual


@needs_the_real_file
def test_a_real_spreadsheet_is_read_as_its_truth_says() -> None:
    truth = json.loads(REAL_FILE.with_suffix(".truth.json").read_text(encoding="utf-8"))
    refused: list[tuple[int, str, str]] = []
    people: Counter[tuple[str, Role]] = Counter()
    for row in open_table(REAL_FILE, REAL_FILE.name):
        result = row.refused or read_record(row.fields, TABLES, IN_FORCE)
        if isinstance(result, tuple):
            refused += [(row.record, problem.field, problem.value) for problem in result]
        else:
            people[result.email, result.role] += 1
            assert result.story == row.fields["story"]
    wanted = [(bad["line_of_record"], bad["field"], bad["value"]) for bad in truth["bad"]]
    assert sorted(refused) == sorted(wanted)
    assert len(people) == truth["valid_unique"] == 3234
    assert people.total() - len(people) == truth["repeated_records"]
    roles = Counter(role for _, role in people)
    assert (roles[Role.MENTEE], roles[Role.MENTOR]) == (truth["mentees"], truth["mentors"])
