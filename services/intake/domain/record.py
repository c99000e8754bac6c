"""Reads one record of a spreadsheet into a `Registration`, or says all that is wrong with it.

Pure. Never guesses: what is not understood is refused with the next step, except for what nobody
is matched by (an occupation that no table knows, a phone number, a locale), which is noticed.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, TypeVar

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from services.intake.domain.columns import FieldProblem, called
from services.intake.domain.profile import LOCALES, Registration, Shown
from services.intake.domain.tables import Tables, Vocabulary
from shared.events.participants import KindOfHelp, Role, TimeOfWeek

YES: Final = frozenset({"yes", "ja", "true", "sand", "1", "x"})
NO: Final = frozenset({"no", "nej", "false", "falsk", "0", ""})
MOST_SEATS: Final = 5

_BETWEEN_CODES: Final = re.compile(r"[;,/|\n]")
_BETWEEN_WORDS: Final = re.compile(r"[;,|\n]")
_BETWEEN_ADDRESSES: Final = re.compile(r"[;,|\s]")
_WHOLE_NUMBER: Final = re.compile(r"([0-9]+)(?:[.,]0+)?")

T = TypeVar("T")


class _NotRead(Exception):
    """A field that cannot be read, and why."""

    def __init__(self, value: str, reason: str) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason


def read_record(
    fields: Mapping[str, str], tables: Tables, charters_in_force: Collection[str]
) -> Registration | tuple[FieldProblem, ...]:
    """One record, its fields by the spreadsheet's column names; an absent column reads as empty.

    Returns all problems, at most one a field, or the registration if there are none.
    """
    columns = called(tuple(fields))
    problems: list[FieldProblem] = []

    def text(column: str) -> str:
        return fields.get(columns.get(column, ""), "")

    def take(column: str, read: Callable[[str], T], otherwise: T) -> T:
        """`otherwise` only lets the reading go on to the next problem; it is never returned."""
        try:
            return read(text(column).strip())
        except _NotRead as problem:
            name = columns.get(column, column)
            problems.append(FieldProblem(name, problem.value, problem.reason))
            return otherwise

    role = take("role", _role, None)
    languages: tuple[str, ...] = take("languages", lambda words: _languages(words, tables), ())
    code = take("isco", lambda words: _occupation_code(words, text("profession"), tables), None)
    titled = take("profession", lambda words: _occupation(words, tables), None)
    registration = Registration(
        role=role or Role.MENTEE,
        name=" ".join(text("name").split()),
        email=take("email", _email, ""),
        phone=_phone(text("phone")),
        locale=_locale(text("locale"), tables) or _locale_among(languages),
        city=take("municipality", lambda words: _municipality(words, tables), ""),
        languages=languages,
        profession=code or titled,
        wished_profession=take("wished_profession", lambda words: _occupation(words, tables), None),
        education_level=take("education", lambda words: _education_level(words, tables), None),
        education_field=take(
            "education_field", lambda words: _education_field(words, tables), None
        ),
        kinds_of_help=take("wants_or_offers", lambda words: _kinds_of_help(words, tables), ()),
        interests=_words(text("interests")),
        topics=_words(text("common_topics")),
        availability=take("availability", lambda words: _availability(words, tables), ()),
        meets_online=take("online_ok", _yes_or_no, otherwise=False),
        seats=take("seats", lambda words: _seats(words, role), 0),
        not_with=take("not_with", _addresses, ()),
        charter_version=take("charter", lambda words: _charter(words, charters_in_force), ""),
        goals=text("goals"),
        request=text("request"),
        story=text("story"),
        shows=take("shows", _shows, ()),
    )
    return tuple(problems) or registration


def notices(fields: Mapping[str, str], tables: Tables) -> tuple[FieldProblem, ...]:
    """What a coordinator may want to mend in a record that is registered all the same."""
    columns = called(tuple(fields))
    found: list[FieldProblem] = []

    def notice(column: str, reason: str) -> None:
        name = columns.get(column, column)
        found.append(FieldProblem(name, fields.get(columns.get(column, ""), ""), reason))

    def text(column: str) -> str:
        return fields.get(columns.get(column, ""), "").strip()

    if not text("name"):
        notice("name", "There is no name, so messages greet nobody. Write one.")
    if text("phone") and _phone(text("phone")) is None:
        notice("phone", "This is no telephone number and is left out. Write it with its +code.")
    if text("locale") and _locale(text("locale"), tables) is None:
        notice("locale", f"Messages are written in {', '.join(LOCALES)} only. Choose one of them.")
    if not text("availability"):
        notice("availability", "Without a time of the week nobody can be matched. Write one.")
    has_code = _whole_number(text("isco")) is not None
    for column in ("profession", "wished_profession"):
        words = text(column)
        if not words or (column == "profession" and has_code) or _is_code(words):
            continue
        if tables.occupations.find_alike(words) is None:
            notice(column, _unknown_title(words, tables.occupations))
    return tuple(found)


def _role(words: str) -> Role:
    try:
        return Role(words.lower())
    except ValueError:
        raise _NotRead(words, "The role is not known. Write mentee or mentor.") from None


def _email(words: str) -> str:
    if not words:
        raise _NotRead(words, "There is no e-mail address. Write the one she reads.")
    try:
        # No look-up in the DNS: reading must not depend on the network, and a confirmation or the
        # first message shows whether the address is read.
        address = validate_email(words, check_deliverability=False)
    except EmailNotValidError:
        raise _NotRead(
            words, "This is not an e-mail address. Write one like name@example.org."
        ) from None
    return f"{address.local_part}@{address.ascii_domain}".lower()


def _addresses(words: str) -> tuple[str, ...]:
    return _unique(_email(part) for part in _BETWEEN_ADDRESSES.split(words) if part)


def _phone(words: str) -> str | None:
    """E.164, read as dialled in Denmark; None when it is no number."""
    try:
        number = phonenumbers.parse(words, "DK")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _locale(words: str, tables: Tables) -> str | None:
    """Also by a language's name, or with a region (`da-DK`); None when messages do not have it."""
    for spelling in (words, re.split(r"[-_]", words.strip())[0]):
        code = tables.languages.find(spelling)
        if code in LOCALES:
            return code
    return None


def _locale_among(languages: Iterable[str]) -> str:
    """The first of her languages that messages are written in, else English."""
    return next((code for code in languages if code in LOCALES), "en")


def _municipality(words: str, tables: Tables) -> str:
    if not words:
        raise _NotRead(words, "There is no municipality. Write its name or its three-digit code.")
    number = _whole_number(words)
    code = tables.municipalities.find(number or words)
    if code is None:
        reason = _not_known("No municipality of Denmark is called so", words, tables.municipalities)
        raise _NotRead(words, f"{reason} Write its name or its three-digit code.")
    return code


def _languages(words: str, tables: Tables) -> tuple[str, ...]:
    codes = _codes(words, tables.languages, "There is no such language here")
    if not codes:
        raise _NotRead(words, "There is no language. Write at least one that she wants to use.")
    return codes


def _kinds_of_help(words: str, tables: Tables) -> tuple[KindOfHelp, ...]:
    codes = _codes(words, tables.kinds_of_help, "There is no such kind of help")
    if not codes:
        known = ", ".join(KindOfHelp)
        raise _NotRead(words, f"There is no kind of help. Write at least one of: {known}.")
    return tuple(KindOfHelp(code) for code in codes)


def _availability(words: str, tables: Tables) -> tuple[TimeOfWeek, ...]:
    codes = _codes(words, tables.times_of_week, "There is no such time of the week")
    return tuple(TimeOfWeek(code) for code in codes)


def _shows(words: str) -> tuple[Shown, ...]:
    parts = [part.strip().lower() for part in _BETWEEN_CODES.split(words) if part.strip()]
    unknown = [part for part in parts if part not in set(Shown)]
    if unknown:
        raise _NotRead("; ".join(unknown), f"A proposal can show: {', '.join(Shown)}. Write these.")
    return _unique(Shown(part) for part in parts)


def _codes(words: str, known: Vocabulary, problem: str) -> tuple[str, ...]:
    """The codes of a list; what is not known is refused together, as one value."""
    parts = [part.strip() for part in _BETWEEN_CODES.split(words) if part.strip()]
    codes = [known.find(part) for part in parts]
    unknown = [part for part, code in zip(parts, codes, strict=True) if code is None]
    if unknown:
        reason = _not_known(problem, unknown[0], known)
        if len(known.names) < 20:
            reason += f" Known are: {', '.join(known.names)}."
        else:
            reason += " Write its English or Danish name, or its code."
        raise _NotRead("; ".join(unknown), reason)
    return _unique(code for code in codes if code is not None)


def _occupation_code(words: str, title: str, tables: Tables) -> str | None:
    """An ISCO-08 unit group by its code; None when empty."""
    if not words:
        return None
    # Spreadsheets drop the leading zero of the armed forces (0110, 0210, 0310).
    code = (_whole_number(words) or words).zfill(4)
    if code in tables.occupations.names:
        return code
    reason = "ISCO-08 has no unit group with this code. Write its four digits, or leave it empty."
    meant = tables.occupations.find_alike(title)
    if meant:
        reason += f" By the title it is {meant} ({tables.occupations.names[meant]})."
    raise _NotRead(words, reason)


def _occupation(words: str, tables: Tables) -> str | None:
    """An ISCO-08 unit group by its title or code; None for a title that no table knows."""
    if _is_code(words):
        return _occupation_code(words, "", tables)
    return tables.occupations.find_alike(words)


def _education_level(words: str, tables: Tables) -> int | None:
    if not words:
        return None
    level = tables.education_levels.find(_whole_number(words) or words)
    if level is None:
        raise _NotRead(words, "This is no ISCED 2011 level. Write a number from 0 to 8.")
    return int(level)


def _education_field(words: str, tables: Tables) -> str | None:
    if not words:
        return None
    number = _whole_number(words)
    code = tables.education_fields.find(number.zfill(2) if number else words)
    if code is None:
        reason = _not_known("This is no ISCED-F field", words, tables.education_fields)
        raise _NotRead(words, f"{reason} Write two digits from 00 to 10.")
    return code


def _yes_or_no(words: str) -> bool:
    word = words.casefold()
    if word in YES or word in NO:
        return word in YES
    raise _NotRead(words, "This is neither yes nor no. Write yes or no.")


def _seats(words: str, role: Role | None) -> int:
    if role is not Role.MENTOR:
        return 0
    number = _whole_number(words)
    if number is None or not 1 <= int(number) <= MOST_SEATS:
        raise _NotRead(
            words, f"This is no number of mentees at once. Write one from 1 to {MOST_SEATS}."
        )
    return int(number)


def _charter(words: str, in_force: Collection[str]) -> str:
    versions = " or ".join(sorted(in_force))
    if not words:
        raise _NotRead(words, f"No charter is affirmed. Ask her to, and write {versions}.")
    if words not in in_force:
        raise _NotRead(words, f"This charter is not in force. Ask her to affirm {versions}.")
    return words


def _words(text: str) -> tuple[str, ...]:
    parts = (" ".join(part.split()).lower() for part in _BETWEEN_WORDS.split(text))
    return _unique(part for part in parts if part)


def _unique(values: Iterable[T]) -> tuple[T, ...]:
    """In order, each once."""
    return tuple(dict.fromkeys(values))


def _whole_number(words: str) -> str | None:
    """The digits of a whole number, also of one that a spreadsheet made a fraction (461.0)."""
    number = _WHOLE_NUMBER.fullmatch(words)
    return number[1] if number and len(number[1]) <= 6 else None


def _is_code(words: str) -> bool:
    """Whether a code is meant, be it right or malformed: no title begins with a digit."""
    return words[:1].isdigit()


def _unknown_title(words: str, known: Vocabulary) -> str:
    reason = "This title is in no table, so nobody is matched by it"
    choices = known.choices(words)
    if not choices:
        return f"{reason}. Write one of ISCO-08, in English or Danish, or its code."
    return f"{reason}. The nearest are {'; '.join(choices)}. Write one of them, or its code."


def _not_known(problem: str, words: str, known: Vocabulary) -> str:
    nearest = known.nearest(words)
    return f"{problem}. Did you mean {nearest}?" if nearest else f"{problem}."
