"""How rounds went for whom: the audits that matching keeps with its rounds, for the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from deploy.local.books import Books
from services.intake.domain.tables import Tables


@dataclass(frozen=True, slots=True)
class RoundAudit:
    """How a round went for whom, as matching kept it with the round.

    rows: for each group its attribute and name, people, placed, their share in per cent, the median
    days that the placed had waited, and their mean score; None where too few were placed.
    """

    title: str
    certificate: str
    unmatchable: int
    rows: list[tuple[str, int, int, int, float | None, float | None]]


def audits(books: Books, tables: Tables) -> list[RoundAudit]:
    """Of the round with the most mentees, and of the last one in which groups were large enough."""
    rounds = [
        document["state"]
        for document in books.stores.of("matching", "rounds")
        if document["_id"].startswith("rounds/") and document["state"].get("audit")
    ]
    rounds.sort(key=lambda one: one["instant"])
    told = [one for one in rounds if any(table["cells"] for table in one["audit"]["tables"])]
    if not told:
        return []
    largest = max(told, key=lambda one: one["audit"]["everybody"]["people"])
    chosen = [largest] if largest is told[-1] else [largest, told[-1]]
    return [
        _audit(one, words, tables)
        for one, words in zip(chosen, ("The largest round", "The last round"), strict=False)
    ]


def _audit(record: Mapping[str, Any], words: str, tables: Tables) -> RoundAudit:
    audit = record["audit"]
    cells = [("everybody", audit["everybody"])]
    for table in audit["tables"]:
        by = table["by"]
        cells += [(_group(by, cell["group"], tables), cell) for cell in table["cells"]]
    return RoundAudit(
        title=f"{words}, {record['instant']:%d %B %Y}",
        certificate=(
            f"{record['blocking_pairs']} pairs would both rather have had each other; "
            f"seed {record['seed']}."
        ),
        unmatchable=audit["unmatchable"],
        rows=[
            (
                name,
                cell["people"],
                cell["placed"],
                round(100 * cell["placed"] / cell["people"]) if cell["people"] else 0,
                cell["waited"]["median"] if cell["waited"] else None,
                cell["score"],
            )
            for name, cell in cells
        ],
    )


def _group(by: str, group: str, tables: Tables) -> str:
    name = tables.languages.names.get(group, group) if by == "first_language" else group
    return f"{_ATTRIBUTES[by]}: {name}"


_ATTRIBUTES: Final = {
    "city_size": "lives in a city of",
    "host_language": "the language of the country",
    "first_language": "first language",
    "waiting": "had waited",
    "options": "mentors who fit her",
}
