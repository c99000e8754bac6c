"""Puts the report together and writes it, with the history it tells of, and lines on the terminal.

Files: `report.json`, `report.html`, `journal.ndjson.gz`.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from deploy.local.books import Books, audit
from deploy.local.mailbox import Mailbox, StoredMessage
from deploy.local.report import journal, numbers, page, summary
from deploy.local.simulation import Outcome
from deploy.local.supervisor import Platform
from services.intake.domain.tables import load_tables

_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """path: of the HTML report. findings: a sentence for each thing that must not be."""

    path: Path
    findings: tuple[str, ...]
    report: Mapping[str, Any]


async def write(
    platform: Platform, outcome: Outcome, directory: Path, *, setup_seconds: float = 0.0
) -> Verdict:
    """Audits the platform, which must be settled, and writes its files into `directory`."""
    began = time.monotonic()
    addresses = platform.engine.addresses
    books = await audit(
        addresses.mongodb_admin, addresses.kafka, envelopes(platform.mailbox), platform.clock.now()
    )
    audited = time.monotonic()
    seconds = {
        "setup": setup_seconds,
        "import": outcome.seconds.import_,
        "first_round": outcome.seconds.first_round,
        "life": outcome.seconds.life,
        "of_life_in_steps": outcome.seconds.in_step,
        "of_life_in_acts": outcome.seconds.in_acts,
        "of_life_in_settling": outcome.seconds.in_settling,
        "audit": audited - began,
        "total": setup_seconds + outcome.seconds.all + audited - began,
    }
    report = assemble(books, outcome, platform.engine.name, seconds)
    findings = tuple(find(report, outcome))
    path = _write_files(directory, books, report, findings, outcome)
    for line in summary.lines(report, findings, outcome.weeks):
        platform.say(line)
    return Verdict(path, findings, report)


def _write_files(
    directory: Path,
    books: Books,
    report: Mapping[str, Any],
    findings: tuple[str, ...],
    outcome: Outcome,
) -> Path:
    tables = load_tables()
    counted = numbers.count(books, tables, outcome.began, outcome.weeks)
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, ensure_ascii=False, indent=2)
    (directory / "report.json").write_text(text + "\n", encoding="utf-8")
    journal.write(books.topics, directory / "journal.ndjson.gz")
    path = directory / "report.html"
    html = page.render(report, counted, tables, findings, outcome.weeks)
    path.write_text(html, encoding="utf-8")
    return path


def envelopes(mailbox: Mailbox) -> list[StoredMessage]:
    """All mails without what they say: half a year of them would fill the memory."""
    found: list[StoredMessage] = []
    while some := mailbox.messages(after=len(found), limit=_AT_ONCE):
        found += [replace(mail, text="", html="", headers={}) for mail in some]
    return found


def assemble(
    books: Books, outcome: Outcome, engine: str, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """`report.json`: the books, and beside them what only the import's answer says."""
    report = books.report()
    imported = outcome.imported
    from_the_file = report["people"]["registered"] - outcome.on_the_web
    return {
        **report,
        "people": {
            "records": imported.read,
            "registered": report["people"]["registered"],
            "refused": imported.refused,
            # By difference: the answer of an import that was cut off and sent again counts as
            # repeated who was registered the first time.
            "repeated": imported.read - imported.refused - from_the_file,
            "mentees": report["people"]["mentees"],
            "mentors": report["people"]["mentors"],
            "on_the_web": outcome.on_the_web,
        },
        "refusals": list(imported.refusals),
        "imported_again": outcome.imported_again.counts(),
        "surprises": list(outcome.surprises),
        "pairs": numbers.pairs(books, outcome.record_of),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "engine": engine,
        "seed": outcome.seed,
        "weeks": outcome.weeks,
        "steps": outcome.steps,
    }


def find(report: Mapping[str, Any], outcome: Outcome) -> list[str]:
    """What must not be, each as a sentence; empty if all is well."""
    found = [
        f"{report[part][name]} {words}"
        for part, name, words in _MUST_BE_ZERO
        if report[part][name] != 0
    ]
    found += [
        f"{count} times: {rule.replace('_', ' ')}"
        for rule, count in report["violations"].items()
        if count
    ]
    found += [f"not as it should be: {each}" for each in report["does_not_add_up"]]
    found += [f"unexpected answer: {each}" for each in outcome.surprises]
    imported = outcome.imported
    if not imported.cut_off and report["people"]["repeated"] != imported.repeated:
        found.append(
            f"the import answered that {imported.repeated} records are repeated; "
            f"by the books it is {report['people']['repeated']}"
        )
    return found


_MUST_BE_ZERO: Final = (
    ("events", "lost", "events or effects were lost"),
    ("events", "doubled", "events or effects came twice"),
    ("events", "parked", "events are parked and wait for an operator"),
    ("messages", "doubled", "messages were sent twice under different ids"),
    ("mentees", "waiting_without_reason", "mentees wait without having been told why"),
    ("imported_again", "registered", "people were registered by importing the same file again"),
)
