"""What a life came to: who was placed, after how long, how well, and how fairly. Pure."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import mean, median, quantiles

from services.matching.domain.person import Person
from services.matching.replay.world import World
from shared.events.matches import MatchStatus
from shared.events.participants import Role

WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All shares from 0 to 1, all times in whole days, scores 0 to 1000.

    `mentees`: who could be matched at some time. `placed`: of them, with a mentorship at some time.
    `days`: quartiles and the ninth decile of their wait. `still_waiting_days`: median of those who
    wait at the end. `worst_tenth`: mean score of the tenth that fared worst, who was not placed
    counting 0. `placed_speaking`: placed share of those who speak a host language, and of those who
    do not. `rounds`, and in them
    `blocking_pairs`: None of a life that was only recorded. By week: placed so far, and waiting at its end.
    """

    label: str
    mentees: int
    placed: int
    placed_share: float
    days: tuple[float, ...]
    still_waiting: int
    still_waiting_days: float | None
    proposed: int
    declined: int
    expired: int
    taken_back: int
    mentorships: int
    mean_score: float | None
    worst_tenth: float | None
    placed_speaking: float | None
    placed_not_speaking: float | None
    rounds: int | None
    blocking_pairs: int | None
    placed_by_week: tuple[int, ...]
    waiting_by_week: tuple[int, ...]


@dataclass(slots=True)
class Tally:
    """Counts while a life goes on."""

    began: datetime
    until: datetime
    host_languages: Collection[str] = ("da",)
    since: dict[str, datetime] = field(default_factory=dict)
    mentees: dict[str, Person] = field(default_factory=dict)
    placed: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    counts: Counter[MatchStatus] = field(default_factory=Counter)
    waiting_by_week: list[int] = field(default_factory=list)

    def see(self, world: World, participant_id: str) -> None:
        """Somebody came or changed."""
        known = world.people.get(participant_id)
        if known is None or known.person is None or known.person.role is not Role.MENTEE:
            return
        if known.is_in_pool and participant_id not in self.mentees:
            self.mentees[participant_id] = known.person
            self.since[participant_id] = known.person.available_since

    def count(self, status: MatchStatus) -> None:
        """A match came to this."""
        self.counts[status] += 1

    def place(self, mentee_id: str, score: int, now: datetime) -> None:
        """A mentorship began; the first one places her."""
        self.placed.setdefault(mentee_id, (now, score))

    def pass_to(self, now: datetime, world: World) -> None:
        """Notes who waits at the end of each week that is over."""
        while self.began + WEEK * (len(self.waiting_by_week) + 1) <= min(now, self.until):
            self.waiting_by_week.append(len(world.waiting_mentees()))

    def outcome(self, label: str, world: World) -> Outcome:
        """Everything, once it is over."""
        self.pass_to(self.until, world)
        placed = {who: one for who, one in self.placed.items() if who in self.mentees}
        days = [(at - self.since[who]) / timedelta(days=1) for who, (at, _) in placed.items()]
        scores = [score for _, score in placed.values()]
        waiting = [known.waiting_since for known in world.waiting_mentees()]
        waits = [(self.until - at) / timedelta(days=1) for at in waiting if at is not None]
        everybody = sorted([*scores, *[0] * (len(self.mentees) - len(placed))])
        speaks = {
            who: bool(set(person.languages) & set(self.host_languages))
            for who, person in self.mentees.items()
        }
        weeks = range(1, len(self.waiting_by_week) + 1)
        return Outcome(
            label=label,
            mentees=len(self.mentees),
            placed=len(placed),
            placed_share=_share(len(placed), len(self.mentees)) or 0.0,
            days=_days(days),
            still_waiting=len(waiting),
            still_waiting_days=round(median(waits), 1) if waits else None,
            proposed=self.counts[MatchStatus.PROPOSED],
            declined=self.counts[MatchStatus.DECLINED],
            expired=self.counts[MatchStatus.EXPIRED],
            taken_back=self.counts[MatchStatus.WITHDRAWN],
            mentorships=self.counts[MatchStatus.ACCEPTED],
            mean_score=round(mean(scores), 1) if scores else None,
            worst_tenth=_worst(everybody),
            placed_speaking=_placed(placed, [who for who, can in speaks.items() if can]),
            placed_not_speaking=_placed(placed, [who for who, can in speaks.items() if not can]),
            rounds=len(world.solved) or None,
            blocking_pairs=sum(one.result.certificate.blocking_pairs for one in world.solved)
            if world.solved
            else None,
            placed_by_week=tuple(
                sum(at < self.began + WEEK * week for at, _ in placed.values()) for week in weeks
            ),
            waiting_by_week=tuple(self.waiting_by_week),
        )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _placed(placed: Collection[str], among: Sequence[str]) -> float | None:
    return _share(sum(who in placed for who in among), len(among))


def _days(days: Sequence[float]) -> tuple[float, ...]:
    """Lower quartile, median, upper quartile, ninth decile; empty if nobody was placed."""
    if not days:
        return ()
    cuts = quantiles(days, n=20, method="inclusive") if len(days) > 1 else [days[0]] * 19
    return tuple(round(cuts[place], 1) for place in (4, 9, 14, 17))


def _worst(scores: Sequence[int]) -> float | None:
    tenth = scores[: max(1, len(scores) // 10)]
    return round(mean(tenth), 1) if tenth else None
