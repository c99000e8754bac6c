"""What the form shows: the choices of each question in plain words, and what is still missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from services.intake.domain.profile import Shown
from services.intake.domain.programme import Programme
from services.intake.domain.steps import Draft, Step, choices
from services.intake.domain.tables import Tables, read_rows
from shared.events.participants import Role
from shared.web.frame import NAMES
from shared.web.languages import own_name
from shared.web.words import (
    EDUCATION_FIELDS,
    EDUCATION_LEVELS,
    INTERESTS,
    KINDS_OF_HELP,
    N_,
    TIMES,
    TOPICS,
)

HEADINGS: Final[Mapping[Step, str]] = {
    Step.WISHES: N_("What you would like"),
    Step.WORK: N_("Your work and education"),
    Step.MEETING: N_("How you would like to meet"),
    Step.GROUND: N_("What you like, and what your life is like"),
    Step.STORY: N_("Your own story"),
    Step.YOU: N_("How we reach you"),
    Step.CHARTER: N_("What we promise one another"),
    Step.CHECK: N_("Look at it once more"),
}
_OFFERS: Final = N_("What you would like to give")

MISSING: Final[Mapping[str, str]] = {
    "kinds_of_help": N_("Choose at least one kind of help."),
    "profession": N_("We do not know this title. Choose one of those below, or 'None of these'."),
    "wished_profession": N_(
        "We do not know the title of the work you wish for. Choose one of those below, or 'None of "
        "these'."
    ),
    "education_level": N_("Choose an education from the list."),
    "education_field": N_("Choose a field from the list."),
    "language_1": N_("Choose a language that you would like to speak."),
    "city": N_("Choose the municipality that you live in."),
    "availability": N_("Choose at least one time when you could meet."),
    "seats": N_("Choose how many mentees you would like to meet at the same time."),
    "not_with": N_("One of these is no e-mail address. Write them like name@example.org."),
    "shows": N_("Choose from the list what a proposal may show."),
    "name": N_("Write the name that you would like to be called by."),
    "email": N_("Write your e-mail address like name@example.org."),
    "phone": N_("Write your telephone number with its digits only, or leave it empty."),
    "charter": N_(
        "To take part, you need to stand by the charter. If you are in doubt, write to us."
    ),
}
"""What is still missing, by field, in plain words."""

_SHOWN: Final = {
    Shown.STORY: N_("my story"),
    Shown.GOALS: N_("my goals"),
    Shown.REQUEST: N_("my request"),
}
_OFTEN: Final = (
    "da", "en", "ar", "uk", "fa", "prs", "ku", "tr", "so", "ti", "am", "ur", "ps", "pl", "de", "fr", "es",
    "pt", "ru", "ro", "bs", "sr", "hr", "sq", "bg", "lt", "lv", "hu", "it", "nl", "sv", "no", "el",
    "hi", "bn", "ta", "th", "vi", "zh", "ja", "ko", "sw", "my", "ne", "fil", "id", "he", "rn", "rw",
)  # fmt: skip
"""Languages that many here speak; the others can be brought in by a coordinator."""

Choice = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """One page of questions, for the templates. `errors`: field to what is missing."""

    programme: str
    draft: Draft
    step: Step
    errors: Mapping[str, str]
    tables: Tables
    language: str
    programme_cities: Sequence[Choice] = ()
    charter: str = ""
    promises_language: str = ""
    promises: Sequence[str] = ()
    is_change: bool = False
    told: Sequence[tuple[Step, str, Sequence[tuple[str, str]]]] = ()
    translate: Any = field(default=str, compare=False)

    @property
    def role(self) -> Role:
        """Which side she registers on."""
        return self.draft.role

    @property
    def heading(self) -> str:
        """The page's heading."""
        return heading_of(self.step, self.draft.role)

    @property
    def number(self) -> int:
        """Which step this is, from 1."""
        return list(Step).index(self.step) + 1

    @property
    def all_steps(self) -> int:
        """How many steps there are."""
        return len(Step)

    @property
    def carried(self) -> list[Choice]:
        """What the form carries along for the other steps."""
        return self.draft.carried(self.step)

    def one(self, name: str) -> str:
        """What was filled in."""
        if name == "other_interests":
            others = [each for each in self.draft.all("interests") if each not in INTERESTS]
            return ", ".join([*others, *self.draft.all("other_interests")])
        if name == "locale" and not self.draft.one("locale"):
            return self.language
        return self.draft.one(name)

    def all(self, name: str) -> tuple[str, ...]:
        """All that was chosen."""
        return self.draft.all(name)

    def choices(self, name: str) -> Sequence[Choice]:
        """Known titles that she may mean."""
        return choices(self.draft, name, self.tables.occupations)

    @property
    def kinds_of_help(self) -> list[Choice]:
        return self._words(KINDS_OF_HELP)

    @property
    def times(self) -> list[Choice]:
        return self._words(TIMES)

    @property
    def interests(self) -> list[Choice]:
        return self._words(INTERESTS)

    @property
    def topics(self) -> list[Choice]:
        return self._words(TOPICS)

    @property
    def shows(self) -> list[Choice]:
        return self._words(_SHOWN)

    @property
    def education_levels(self) -> list[tuple[str, str, str]]:
        return [(code, words, "") for code, words in self._words(EDUCATION_LEVELS)]

    @property
    def education_fields(self) -> list[tuple[str, str, str]]:
        return [(code, words, "") for code, words in self._words(EDUCATION_FIELDS)]

    @property
    def languages(self) -> list[tuple[str, str, str]]:
        """The languages that many speak, and hers, each in its own name."""
        names = own_names()
        hers = [self.draft.one(f"language_{n}") for n in (1, 2, 3)]
        codes = dict.fromkeys([*_OFTEN, *(code for code in hers if code in names)])
        return [(code, names[code], code) for code in codes if code in names]

    @property
    def cities(self) -> list[tuple[str, str, str]]:
        return [(code, name, "") for code, name in self.programme_cities]

    @property
    def seats(self) -> list[tuple[str, str, str]]:
        return [(str(number), str(number), "") for number in range(1, 6)]

    @property
    def locales(self) -> list[tuple[str, str, str]]:
        return [(code, name, code) for code, name in NAMES.items()]

    @property
    def occupations(self) -> list[str]:
        """All titles, for the list that opens under the field."""
        if self.language == "da":
            return _danish_titles()
        return list(self.tables.occupations.names.values())

    def _words(self, known: Mapping[Any, str]) -> list[Choice]:
        return [(str(code), self.translate(words)) for code, words in known.items()]


def heading_of(step: Step, role: Role) -> str:
    """A step's heading: a mentor gives where a mentee asks."""
    return _OFFERS if step is Step.WISHES and role is Role.MENTOR else HEADINGS[step]


def cities_of(programme: Programme) -> list[Choice]:
    """The programme's cities by name."""
    return sorted(((city.code, city.name) for city in programme.cities), key=lambda city: city[1])


@lru_cache(maxsize=1)
def own_names() -> dict[str, str]:
    """Each language's name in itself, by code; its English name where nobody told us."""
    return {
        row["code"]: row["name_own"] or own_name(row["code"]) or row["name_en"]
        for row in read_rows("languages.csv")
    }


@lru_cache(maxsize=1)
def _danish_titles() -> list[str]:
    rows = read_rows("isco08.csv")
    return [row["name_da"] or row["name_en"] for row in rows if len(row["code"]) == 4]


def told(draft: Draft, cities: Sequence[Choice], translate: Any) -> list[Any]:
    """What she has told us, step by step: heading, and each question with her answer in words."""
    city_names = dict(cities)

    def words(known: Mapping[Any, str], codes: Sequence[str]) -> str:
        return ", ".join(translate(known[code]) if code in known else code for code in codes)

    languages = [draft.one(f"language_{n}") for n in (1, 2, 3)]
    interests = [*draft.all("interests"), *draft.all("other_interests")]
    meeting = [
        (N_("Languages"), ", ".join(own_names().get(code, code) for code in languages if code)),
        (N_("Municipality"), city_names.get(draft.one("city"), draft.one("city"))),
        (N_("Online"), translate(N_("yes")) if draft.one("meets_online") else ""),
        (N_("Times"), words(TIMES, draft.all("availability"))),
    ]
    if draft.role is Role.MENTOR:
        meeting.append((N_("Mentees at the same time"), draft.one("seats")))
    work = [
        (N_("Profession"), draft.one("profession")),
        (N_("Highest education"), words(EDUCATION_LEVELS, draft.all("education_level"))),
        (N_("Field of education"), words(EDUCATION_FIELDS, draft.all("education_field"))),
    ]
    if draft.role is Role.MENTEE:
        work.insert(1, (N_("Profession you wish for"), draft.one("wished_profession")))
    rows: dict[Step, list[tuple[str, str]]] = {
        Step.WISHES: [
            (N_("Goals"), draft.one("goals")),
            (N_("Kinds of help"), words(KINDS_OF_HELP, draft.all("kinds_of_help"))),
            (N_("Request"), draft.one("request")),
        ],
        Step.WORK: work,
        Step.MEETING: meeting,
        Step.GROUND: [
            (N_("Interests"), words(INTERESTS, interests)),
            (N_("Life topics"), words(TOPICS, draft.all("topics"))),
        ],
        Step.STORY: [
            (N_("Story"), draft.one("story")),
            (N_("Shown in a proposal"), words(_SHOWN, draft.all("shows"))),
        ],
        Step.YOU: [
            (N_("Name"), draft.one("name")),
            (N_("E-mail address"), draft.one("email")),
            (N_("Telephone"), draft.one("phone")),
            (N_("Language of our messages"), NAMES.get(draft.one("locale"), "")),
        ],
    }
    return [(step, heading_of(step, draft.role), answers) for step, answers in rows.items()]
