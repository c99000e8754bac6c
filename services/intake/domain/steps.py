"""Registering one step at a time: which questions each step asks, and what is still to be answered. Pure.

A draft is what the form holds: fields with the values that were sent, nothing more. It travels with the
form from step to step, so that nothing is kept of somebody who does not go on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from services.intake.domain.form import columns, named_as_in_the_form
from services.intake.domain.participant import Person
from services.intake.domain.profile import Registration
from services.intake.domain.record import notices, read_record
from services.intake.domain.tables import Tables, Vocabulary
from shared.events.participants import Role

MOST_LANGUAGES: Final = 3
_MOST_LETTERS: Final = 20_000
_SHORT: Final = 1_000


class Step(StrEnum):
    """The steps in their order. Goals and request come first, the name last."""

    WISHES = "wishes"
    WORK = "work"
    MEETING = "meeting"
    GROUND = "ground"
    STORY = "story"
    YOU = "you"
    CHARTER = "charter"
    CHECK = "check"


FIELDS: Final[Mapping[Step, tuple[str, ...]]] = {
    Step.WISHES: ("kinds_of_help", "goals", "request"),
    Step.WORK: (
        "profession",
        "profession_meant",
        "wished_profession",
        "wished_profession_meant",
        "education_level",
        "education_field",
    ),
    Step.MEETING: (
        "language_1",
        "language_2",
        "language_3",
        "city",
        "availability",
        "meets_online",
        "seats",
    ),
    Step.GROUND: ("interests", "other_interests", "topics", "not_with"),
    Step.STORY: ("story", "shows"),
    Step.YOU: ("name", "email", "phone", "locale"),
    Step.CHARTER: ("charter",),
    Step.CHECK: (),
}
"""The fields that each step asks for."""

SEVERAL: Final = frozenset({"kinds_of_help", "availability", "interests", "topics", "shows"})
"""Fields in which several values can be chosen."""
_OWN_TEXT: Final = frozenset({"goals", "request", "story"})
_OCCUPATIONS: Final = ("profession", "wished_profession")
NONE_OF_THESE: Final = "none"
"""Chosen where no known title is what she does: then she is not matched by it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds so far. role: which side she registers on."""

    role: Role
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The value of a field; empty if there is none."""
        values = self.values.get(name, ())
        return values[0] if values else ""

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a field."""
        return self.values.get(name, ())

    def carried(self, step: Step) -> list[tuple[str, str]]:
        """The fields of the other steps: what a form must carry that asks the questions of this."""
        own = set(FIELDS[step])
        return [
            (name, value)
            for name, values in self.values.items()
            if name not in own
            for value in values
        ]


def read_draft(role: Role, sent: Iterable[tuple[str, str]]) -> Draft:
    """The draft in what was sent. Unknown fields and what is far too long are dropped, empty ones too."""
    known = {name for names in FIELDS.values() for name in names}
    values: dict[str, list[str]] = {}
    for name, value in sent:
        most = _MOST_LETTERS if name in _OWN_TEXT else _SHORT
        if name in known and value != "" and len(value) <= most and "\0" not in value:
            values.setdefault(name, []).append(value)
    return Draft(
        role,
        {
            name: tuple(dict.fromkeys(several)) if name in SEVERAL else tuple(several[:1])
            for name, several in values.items()
        },
    )


def draft_of(person: Person, tables: Tables) -> Draft:
    """What somebody would have filled in to be as she is now. Whom she named is not known."""
    profile, contact, words = person.profile, person.contact, person.words
    titles = tables.occupations.names
    single = {
        "goals": words.goals,
        "request": words.request,
        "story": words.story,
        "profession": titles.get(profile.profession or "", ""),
        "wished_profession": titles.get(profile.wished_profession or "", ""),
        "education_level": "" if profile.education_level is None else str(profile.education_level),
        "education_field": profile.education_field or "",
        "city": profile.city,
        "meets_online": "yes" if profile.meets_online else "",
        "seats": str(profile.seats) if profile.seats else "",
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone or "",
        "locale": contact.locale,
        **{f"language_{n}": code for n, code in enumerate(profile.languages, 1)},
    }
    several: dict[str, Sequence[str]] = {
        "kinds_of_help": profile.kinds_of_help,
        "availability": profile.availability,
        "interests": profile.interests,
        "topics": profile.topics,
        "shows": words.shows,
    }
    return Draft(
        person.role,
        {name: (value,) for name, value in single.items() if value}
        | {name: tuple(map(str, values)) for name, values in several.items() if values},
    )


def values_of_draft(draft: Draft, tables: Tables) -> dict[str, Any]:
    """The draft as the fields of the web form (`form.columns`)."""
    languages = [draft.one(f"language_{n}") for n in range(1, MOST_LANGUAGES + 1)]
    values: dict[str, Any] = {
        name: draft.one(name)
        for name in ("goals", "request", "story", "city", "name", "email", "phone", "locale")
    }
    for name in _OCCUPATIONS:
        values[name] = occupation(draft, name, tables.occupations)
    for name in ("kinds_of_help", "availability", "topics", "shows"):
        values[name] = draft.all(name)
    return values | {
        "role": draft.role.value,
        "languages": [code for code in languages if code],
        "education_level": draft.one("education_level"),
        "education_field": draft.one("education_field"),
        "meets_online": draft.one("meets_online") == "yes",
        "seats": draft.one("seats"),
        "interests": [*draft.all("interests"), *draft.one("other_interests").split(",")],
        "not_with": draft.one("not_with"),
        "charter": draft.one("charter"),
    }


def fields_of(step: Step, values: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    """Those of the form's fields that a step asks for: what a change of this step changes.

    Whom she does not want to meet is known by hashes only: naming nobody anew leaves it as it is.
    """
    asked = set(FIELDS[step])
    if step is Step.MEETING:
        asked.add("languages")
    if not draft.one("not_with"):
        asked.discard("not_with")
    return {name: value for name, value in values.items() if name in asked}


def occupation(draft: Draft, name: str, known: Vocabulary) -> str | None:
    """The ISCO-08 unit group of a title: as she meant it when asked, or as it is clear by itself."""
    title = draft.one(name)
    code, _, of_title = draft.one(f"{name}_meant").partition(" ")
    if title and of_title == title and code in known.names:
        return code
    return known.find_alike(title) if title else None


def choices(draft: Draft, name: str, known: Vocabulary) -> tuple[tuple[str, str], ...]:
    """What she may mean by a title that is not clear: values to send, each with its title."""
    title = draft.one(name)
    if not title or occupation(draft, name, known):
        return ()
    found = [(code, known.names[code]) for code in known.codes_alike(title)]
    return tuple((f"{code} {title}", words) for code, words in found)


def missing(
    step: Step, draft: Draft, tables: Tables, charters_in_force: Collection[str]
) -> tuple[str, ...]:
    """The fields of this step that are not answered well yet, in their order on the page."""
    values = values_of_draft(draft, tables)
    read = read_record(columns(values), tables, charters_in_force)
    at_fault = set[str]()
    if not isinstance(read, Registration):
        at_fault = {problem.field for problem in named_as_in_the_form(read)}
    if "languages" in at_fault:
        at_fault.add("language_1")
    if not draft.all("availability"):
        at_fault.add("availability")
    if not draft.one("name").strip():
        at_fault.add("name")
    at_fault |= {notice.field for notice in notices(columns(values), tables)} & {"phone"}
    for name in _OCCUPATIONS:
        is_none = draft.one(f"{name}_meant") == f"{NONE_OF_THESE} {draft.one(name)}"
        if draft.one(name) and not is_none and occupation(draft, name, tables.occupations) is None:
            at_fault.add(name)
    return tuple(name for name in FIELDS[step] if name in at_fault)


def first_missing(
    draft: Draft, tables: Tables, charters_in_force: Collection[str]
) -> tuple[Step, tuple[str, ...]] | None:
    """The first step that is not answered well yet, with its fields; None if all is."""
    for step in Step:
        if at_fault := missing(step, draft, tables, charters_in_force):
            return step, at_fault
    return None


def before(step: Step) -> Step:
    """The step before this one."""
    steps = list(Step)
    return steps[max(0, steps.index(step) - 1)]


def after(step: Step) -> Step:
    """The step after this one."""
    steps = list(Step)
    return steps[min(len(steps) - 1, steps.index(step) + 1)]
