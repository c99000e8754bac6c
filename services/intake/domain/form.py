"""The fields of the web form, and the columns of a spreadsheet that mean the same. Pure.

Both doors have one set of rules, `record.read_record`, which reads columns; so the form is turned
into columns, and the problems found there are named as in the form.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from services.intake.domain.columns import FieldProblem
from services.intake.domain.participant import Person

_COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "city": "municipality",
        "profession": "isco",
        "education_level": "education",
        "kinds_of_help": "wants_or_offers",
        "topics": "common_topics",
        "meets_online": "online_ok",
    }
)
"""Form field to column, where they differ."""
_FIELDS: Final = MappingProxyType({column: field for field, column in _COLUMNS.items()})


def columns(values: Mapping[str, Any]) -> dict[str, str]:
    """The form's values as the columns of one record: lists joined by `;`, None and absent as ''."""
    return {_COLUMNS.get(field, field): _text(value) for field, value in values.items()}


def named_as_in_the_form(problems: Iterable[FieldProblem]) -> tuple[FieldProblem, ...]:
    """The problems of a record, each with the form's name of its field."""
    return tuple(
        replace(problem, field=_FIELDS.get(problem.field, problem.field)) for problem in problems
    )


def values_of(person: Person) -> dict[str, Any]:
    """What somebody would fill into the form to be as she is now. Whom she named is not known."""
    contact, profile, words = person.contact, person.profile, person.words
    return {
        "role": person.role,
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "locale": contact.locale,
        "city": profile.city,
        "languages": profile.languages,
        "profession": profile.profession,
        "wished_profession": profile.wished_profession,
        "education_level": profile.education_level,
        "education_field": profile.education_field,
        "kinds_of_help": profile.kinds_of_help,
        "interests": profile.interests,
        "topics": profile.topics,
        "availability": profile.availability,
        "meets_online": profile.meets_online,
        "seats": profile.seats,
        "charter": person.charters[-1].version,
        "goals": words.goals,
        "request": words.request,
        "story": words.story,
        "shows": words.shows,
    }


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ";".join(_text(each) for each in value)
        case _:
            return str(value)
