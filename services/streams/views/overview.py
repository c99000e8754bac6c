"""The first page of the console: whether everything moves, and where it does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from markupsafe import Markup

from services.streams.domain.vitals import Flow, Instance, Sample, duration, verdict
from services.streams.views.pictures import bar, columns, sparkline

_TREND: Final = 60
_MOST_CITIES: Final = 400


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the journey: who waits in it, and how many went on to it in the last day."""

    title: str
    waiting: int
    oldest: str
    came: int | None
    picture: Markup
    anchor: str = ""


def overview(samples: Sequence[Sample]) -> dict[str, Any]:
    """What the page's template needs."""
    said = verdict(samples)
    if not samples:
        return {"verdict": said, "sample": None}
    newest = samples[-1]
    return {
        "verdict": said,
        "sample": newest,
        "steps": _steps(newest),
        "cities": _cities(newest),
        "streams": _streams(newest.flows),
        "groups": _groups(samples),
        "instances": [_instance(one, samples) for one in newest.instances],
        "letters_trend": sparkline(
            [one.letters for one in samples[-_TREND:]], f"Records set aside: now {newest.letters}"
        ),
    }


def _steps(sample: Sample) -> list[Step]:
    came: dict[str, int] = {}
    for flow in sample.flows:
        came[flow.type] = came.get(flow.type, 0) + flow.last_day

    def count(metric: str, **labels: str) -> int:
        return int(sample.total(metric, **labels))

    def oldest(metric: str, **labels: str) -> str:
        longest = sample.longest(metric, **labels)
        return duration(longest) if longest else ""

    asked = "proposals_unanswered"
    rows = [
        ("Confirm their address", count("participants", status="unconfirmed"), "", "participant.registered"),
        ("Talk with a coordinator first", count("participants", status="awaiting_screening"), "", None),
        (
            "Wait for a proposal",
            count("waiting_participants", role="mentee"),
            oldest("waiting_longest_seconds", role="mentee"),
            None,
        ),
        ("Proposals that a coordinator looks at", count(asked, status="held"), oldest(f"{asked}_oldest_seconds", status="held"), "match.held"),
        (
            "Mentees who are asked",
            count(asked, status="proposed"),
            oldest(f"{asked}_oldest_seconds", status="proposed"),
            "match.proposed",
        ),
        (
            "Mentors who are asked",
            count(asked, status="mentee_accepted"),
            oldest(f"{asked}_oldest_seconds", status="mentee_accepted"),
            "match.mentee_accepted",
        ),
        ("Mentorships that run", count("mentorships_running"), "", "match.accepted"),
        (
            "Check-ins overdue",
            count("check_ins_overdue"),
            oldest("check_ins_overdue_oldest_seconds"),
            "check_in.overdue",
        ),
        ("Asked for help", count("help_open"), oldest("help_open_oldest_seconds"), "help.requested"),
        ("Messages not sent yet", count("messages_unsent"), oldest("messages_unsent_oldest_seconds"), "message.sent"),
    ]  # fmt: skip
    most = max((waiting for _, waiting, _, _ in rows), default=0)
    return [
        Step(title, waiting, age, came.get(kind, 0) if kind else None, bar(waiting, most))
        for title, waiting, age, kind in rows
    ]


def _cities(sample: Sample) -> list[dict[str, Any]]:
    """A row for each city: who waits there, what runs, what is late, how much happened in the last day."""
    figures = {
        "waiting": sample.by("waiting_participants", ("city",), role="mentee"),
        "mentors": sample.by("waiting_participants", ("city",), role="mentor"),
        "running": sample.by("mentorships_running", ("city",)),
        "overdue": sample.by("check_ins_overdue", ("city",)),
        "help": sample.by("help_open", ("city",)),
    }
    happened: dict[str, int] = {}
    for flow in sample.flows:
        if flow.city:
            happened[flow.city] = happened.get(flow.city, 0) + flow.last_day
    names = {name for found in figures.values() for (name,) in found if name} | happened.keys()
    rows: list[dict[str, Any]] = [
        {
            "city": name,
            "name": sample.cities.get(name, name),
            "day": happened.get(name, 0),
            **{title: int(found.get((name,), 0)) for title, found in figures.items()},
        }
        for name in sorted(names)
    ]
    rows.sort(key=lambda row: (-row["help"], -row["overdue"], -row["waiting"], row["city"]))
    most = max((row["waiting"] for row in rows), default=0)
    return [{**row, "picture": bar(row["waiting"], most)} for row in rows[:_MOST_CITIES]]


def _streams(flows: Sequence[Flow]) -> list[dict[str, Any]]:
    """A row for each stream with its types: last minute, hour, day, and the hours as a picture."""
    by_stream: dict[str, list[Flow]] = {}
    for flow in flows:
        by_stream.setdefault(flow.stream, []).append(flow)
    rows: list[dict[str, Any]] = []
    for stream, found in sorted(by_stream.items()):
        hours = [sum(counts) for counts in zip(*(flow.hours for flow in found), strict=True)]
        by_type: dict[str, list[int]] = {}
        for flow in found:
            counted = by_type.setdefault(flow.type, [0, 0, 0])
            for index, value in enumerate((flow.last_minute, flow.last_hour, flow.last_day)):
                counted[index] += value
        rows.append(
            {
                "stream": stream,
                "minute": sum(flow.last_minute for flow in found),
                "hour": sum(flow.last_hour for flow in found),
                "day": sum(hours),
                "picture": columns(hours, f"{stream}: {sum(hours)} in the last day, by hour"),
                "types": sorted(by_type.items()),
            }
        )
    return rows


def _groups(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """A row for each consumer: how far behind, how that went, and its partitions."""
    newest = samples[-1]
    rows: list[dict[str, Any]] = []
    for group, behind in newest.behind().items():
        trend = [sample.behind().get(group, 0) for sample in samples[-_TREND:] if sample.lags]
        rows.append(
            {
                "group": group,
                "behind": behind,
                "trend": _trend(trend),
                "picture": sparkline(trend, f"{group}: {behind} unread now"),
                "partitions": [lag for lag in newest.lags or () if lag.group == group],
            }
        )
    return sorted(rows, key=lambda row: (-row["behind"], row["group"]))


def _trend(values: Sequence[int]) -> str:
    if len(values) < 2 or values[-1] == values[0]:
        return "steady"
    return "growing" if values[-1] > values[0] else "shrinking"


def _instance(instance: Instance, samples: Sequence[Sample]) -> dict[str, Any]:
    ages = [
        one.value("outbox_oldest_seconds") or 0.0
        for sample in samples[-_TREND:]
        for one in sample.instances
        if one.name == instance.name and one.figures is not None
    ]
    age_s = instance.value("outbox_oldest_seconds") or 0.0
    state = "ready" if instance.is_ready else "not ready"
    return {
        "name": instance.name,
        "state": "no answer" if instance.figures is None else state,
        "is_well": instance.is_ready,
        "unsent": int(instance.value("outbox_documents") or 0),
        "age": duration(timedelta(seconds=age_s)),
        "parked": int(
            (instance.value("parked_subjects") or 0) + (instance.value("parked_records") or 0)
        ),
        "picture": sparkline(ages, f"{instance.name}: oldest unsent event {age_s:.0f} s"),
    }
