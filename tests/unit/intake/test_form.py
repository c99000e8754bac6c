"""The web form and the spreadsheet mean the same: what is kept can be filled in again unchanged."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.columns import FieldProblem
from services.intake.domain.form import columns, named_as_in_the_form, values_of
from services.intake.domain.profile import LOCALES, Registration
from services.intake.domain.record import read_record
from services.intake.domain.tables import load_tables
from shared.events.participants import KindOfHelp, Role, TimeOfWeek
from tests.unit.intake.someone import CHARTER, Somebody, a_mentee, registered

TABLES = load_tables()
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
WORD = st.text("abcdefghijæøåцьع", min_size=1, max_size=8)


def codes(known: object) -> st.SearchStrategy[str]:
    assert hasattr(known, "names")
    return st.sampled_from(sorted(known.names))


def some(values: st.SearchStrategy[str], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, min_size=least, max_size=4, unique=True).map(tuple)


@st.composite
def registrations(draw: st.DrawFn) -> Registration:
    role = draw(st.sampled_from(Role))
    occupation = st.none() | codes(TABLES.occupations)
    return replace(
        a_mentee().registration,
        role=role,
        seats=draw(st.integers(1, 5)) if role is Role.MENTOR else 0,
        name=draw(WORD),
        phone=draw(st.sampled_from([None, "+4541535182"])),
        locale=draw(st.sampled_from(LOCALES)),
        city=draw(codes(TABLES.municipalities)),
        languages=draw(some(codes(TABLES.languages), least=1)),
        profession=draw(occupation),
        wished_profession=draw(occupation),
        education_level=draw(st.none() | st.integers(0, 8)),
        education_field=draw(st.none() | codes(TABLES.education_fields)),
        kinds_of_help=draw(
            st.lists(st.sampled_from(KindOfHelp), min_size=1, unique=True).map(tuple)
        ),
        interests=draw(some(WORD)),
        topics=draw(some(WORD)),
        availability=draw(st.lists(st.sampled_from(TimeOfWeek), unique=True).map(tuple)),
        meets_online=draw(st.booleans()),
        goals=draw(TEXT),
        request=draw(TEXT),
        story=draw(TEXT),
    )


@given(registrations())
def test_what_is_kept_can_be_filled_in_again_unchanged(registration: Registration) -> None:
    person = registered(Somebody(registration)).state.person
    assert person is not None
    assert read_record(columns(values_of(person)), TABLES, {CHARTER}) == registration


def test_problems_are_named_as_in_the_form() -> None:
    problems = read_record(columns({"city": "Atlantis"}), TABLES, {CHARTER})
    assert isinstance(problems, tuple)
    fields = {problem.field for problem in named_as_in_the_form(problems)}
    assert {"city", "kinds_of_help", "languages", "email"} <= fields
    assert all(isinstance(problem, FieldProblem) for problem in problems)
