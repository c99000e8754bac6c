"""Who takes part: the people of a spreadsheet, and a few who register on the web."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.local.simulation.people import Person
from deploy.sample import people as sample
from services.intake.domain.profile import Registration
from services.intake.domain.record import read_record
from services.intake.domain.spreadsheet import open_table
from services.intake.domain.tables import load_tables
from shared.errors import SettingsInvalid

Identity = tuple[str, str]
"""Role and e-mail address: one participant."""

_PEOPLE_A_WEB_VISITOR: Final = 50


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody.

    file: the spreadsheet that the coordinator imports. records: how many it holds.
    record_of: for each participant the record that registers her, 1 = the first after the header.
    on_the_web: the forms of those who register themselves.
    """

    file: Path
    records: int
    record_of: dict[Identity, int]
    people: dict[str, Person]
    on_the_web: tuple[dict[str, Any], ...]


def gather(
    people: str,
    *,
    seed: int,
    directory: Path,
    charters: Iterable[str],
    on_the_web: int | None = None,
) -> Population:
    """The people of a file, or, if `people` is a number, so many invented ones and some on the web.

    on_the_web: how many; a fiftieth if None. Only a file is a whole population: nobody else
    registers then. Raises `SettingsInvalid`.
    """
    if people.isascii() and people.isdigit():
        count = int(people)
        file = directory / f"people-{count}.csv"
        directory.mkdir(parents=True, exist_ok=True)
        sample.write(file, count, seed)
        some = max(1, count // _PEOPLE_A_WEB_VISITOR) if on_the_web is None else on_the_web
        visitors = tuple(_visitors(some, seed))
    else:
        file, visitors = Path(people), ()
        if not file.is_file():
            raise SettingsInvalid(
                f"PEOPLE is {people!r}; give a number, or the path of a .csv or .xlsx file."
            )
    records, record_of = _read(file, frozenset(charters))
    identities = [*record_of, *((form["role"], form["email"]) for form in visitors)]
    return Population(file, records, record_of, _people(identities, seed), visitors)


def _read(file: Path, charters: frozenset[str]) -> tuple[int, dict[Identity, int]]:
    tables, records, record_of = load_tables(), 0, dict[Identity, int]()
    for row in open_table(file, file.name):
        records += 1
        read = row.refused or read_record(row.fields, tables, charters)
        if isinstance(read, Registration):
            record_of.setdefault((read.role.value, read.email), row.record)
    return records, record_of


def _people(identities: Iterable[Identity], seed: int) -> dict[str, Person]:
    roles: dict[str, set[str]] = {}
    for role, email in identities:
        roles.setdefault(email.casefold(), set()).add(role)
    return {email: Person(seed, email, frozenset(each)) for email, each in roles.items()}


def _visitors(count: int, seed: int) -> Iterable[dict[str, Any]]:
    """Forms as the web's registration takes them."""
    tables = load_tables()
    # Another seed than the spreadsheet's: they are other people.
    for number, record in enumerate(sample.generate(count, seed + 1_000_003, untidy=False)):
        yield {
            "role": record["role"],
            "name": record["name"],
            "email": f"visitor{number}@example.org",
            "charter": record["charter"],
            "locale": record["locale"],
            "city": tables.municipalities.find(record["municipality"]),
            "languages": record["languages"].split(";"),
            "profession": record["isco"],
            "education_level": int(record["education"]),
            "kinds_of_help": _listed(record["wants_or_offers"]),
            "interests": _listed(record["interests"]),
            "topics": _listed(record["common_topics"]),
            "availability": _listed(record["availability"]),
            "meets_online": record["online_ok"] == "yes",
            "seats": int(record["seats"] or 0),
            "story": record["story"],
            "goals": record["goals"],
            "request": record["request"],
        }


def _listed(cell: str) -> list[str]:
    return [word for word in cell.split(";") if word]
