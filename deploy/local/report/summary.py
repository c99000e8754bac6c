"""The report in a few lines, for a coordinator in front of a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def lines(report: Mapping[str, Any], findings: Sequence[str], weeks: int) -> Iterator[str]:
    """What happened in these weeks, in sentences."""
    people, mentees, matches = report["people"], report["mentees"], report["matches"]
    check_ins, messages, events = report["check_ins"], report["messages"], report["events"]
    yield (
        f"{people['records']:,} records: {people['registered']:,} people registered "
        f"({people['mentees']:,} mentees, {people['mentors']:,} mentors"
        + (f", {people['on_the_web']:,} of them on the web" if people["on_the_web"] else "")
        + f"), {people['refused']:,} refused with a reason, {people['repeated']:,} repeated."
    )
    yield (
        f"In {weeks} weeks {mentees['placed']:,} mentees found a mentor; {mentees['waiting']:,} wait, "
        f"{mentees['waiting_without_reason']:,} of them without having been told why."
    )
    yield (
        f"{matches['proposed']:,} proposals: {matches['mentee_accepted']:,} mentees said yes, "
        f"{matches['accepted']:,} became mentorships; {matches['declined']:,} declined, "
        f"{matches['expired']:,} expired, {matches['withdrawn']:,} withdrawn. "
        f"{matches['ended']:,} mentorships have ended."
    )
    yield (
        f"{check_ins['due']:,} check-ins: {check_ins['completed']:,} completed, "
        f"{check_ins['overdue']:,} were overdue, {check_ins['escalated']:,} went to a coordinator."
    )
    yield (
        f"{messages['sent']:,} messages ({messages['resent']:,} sent again after a crash), "
        f"{events['published']:,} events, {events['journaled']:,} of them in the journal."
    )
    if findings:
        yield f"{len(findings)} things are not as they must be."
    else:
        yield "Nothing was lost, nothing took effect twice, and no rule was broken."
