"""What matching knows of a programme: the part of its policy that it needs, and its rounds. Pure."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from services.matching.domain.match import AnswerRules
from services.matching.domain.schedule import (
    RoundKind,
    RoundRecord,
    first_round_after,
    round_after,
    top_up_after,
)
from services.matching.domain.supply import BetweenRoundsRules
from shared.decisions import Decision
from shared.events.payload import Payload
from shared.events.programmes import BetweenRounds, ProgrammeChanged, ScoreWeights
from shared.events.wire import Event

_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class WaitingNotes:
    """When somebody who waits is told why: first after some days, then every so many."""

    first_after_days: int
    every_days: int

    def next_after(self, since: datetime, told_at: datetime | None) -> datetime:
        """The instant of the next note to somebody who waits `since` and was last told `told_at`."""
        if told_at is None or told_at < since:
            return since + timedelta(days=self.first_after_days)
        return told_at + timedelta(days=max(self.every_days, 1))


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a programme's rounds run: every so many days, at an hour of its zone."""

    every_days: int
    hour: int
    zone: str


@dataclass(frozen=True, slots=True)
class KnownProgramme:
    """A programme.

    `next_round_at` is the next regular round, once there are people; `asked_round_at` one that a
    coordinator asked for and that has not run yet; `last_round_at` the last round or top-up that is
    done. `plentiful` are the cities in which the last round left plenty of seats, and `drawn_in` is
    that round: its lottery holds until the next one, so that no top-up moves anybody by lot alone.

    `next_top_up_at`: something that concerns a top-up was noted, and this is its instant;
    `following_top_up_at`: noted when that instant had come already, so perhaps too late for it.
    """

    programme: str
    answer_rules: AnswerRules
    review_before_proposing: bool
    waiting_notes: WaitingNotes
    weights: ScoreWeights
    rhythm: Rhythm
    between_rounds: BetweenRoundsRules = field(default_factory=BetweenRoundsRules)
    host_languages: tuple[str, ...] = ()
    rescue: Literal["off", "minimal"] = "minimal"
    next_round_at: datetime | None = None
    asked_round_at: datetime | None = None
    last_round_at: datetime | None = None
    next_top_up_at: datetime | None = None
    following_top_up_at: datetime | None = None
    plentiful: tuple[str, ...] = ()
    drawn_in: str | None = None

    @property
    def round_at(self) -> datetime | None:
        """When the next round of either kind is due."""
        instants = [at for at in (self.next_round_at, self.asked_round_at) if at is not None]
        return min(instants, default=None)

    @property
    def wake_at(self) -> datetime | None:
        """When the next round or top-up is due."""
        instants = [at for at in (self.round_at, self.next_top_up_at) if at is not None]
        return min(instants, default=None)

    @property
    def round_instant(self) -> datetime | None:
        """The instant by which the next round is named."""
        return self._named(self.round_at) if self.round_at is not None else None

    def what_is_due(self, now: datetime) -> tuple[RoundKind, datetime] | None:
        """What is to run now, and the instant by which it is named; None if nothing is due.

        A round goes first: it does what a top-up would have done.
        """
        if self.round_at is not None and self.round_at <= now:
            return RoundKind.ROUND, self._named(self.round_at)
        if self.next_top_up_at is not None and self.next_top_up_at <= now:
            return RoundKind.TOP_UP, self._named(self.next_top_up_at)
        return None

    def proposes_at_once_in(self, city: str | None) -> bool:
        """Whether a city proposes between the rounds."""
        return self.between_rounds.proposes_in(city, self.plentiful)

    @property
    def proposes_at_once(self) -> bool:
        """Whether any city may propose between the rounds, as things are."""
        modes = self.between_rounds.modes
        return BetweenRounds.AT_ONCE in modes or (
            BetweenRounds.BY_SCARCITY in modes and bool(self.plentiful)
        )

    def _named(self, due_at: datetime) -> datetime:
        """The instant that names what is due then: later than that of every one before."""
        if self.last_round_at is None:
            return due_at
        return max(due_at, self.last_round_at + _MILLISECOND)


def hear_of_programme(
    known: KnownProgramme | None, event: Event[Payload], now: datetime
) -> Decision[KnownProgramme] | None:
    """What an event of the stream `programmes` changes. Another rhythm of rounds holds from now on."""
    changed = event.payload
    if not isinstance(changed, ProgrammeChanged):
        return None
    policy = changed.policy
    heard = KnownProgramme(
        programme=changed.programme,
        answer_rules=AnswerRules.of(policy),
        review_before_proposing=policy.review_before_proposing,
        waiting_notes=WaitingNotes(policy.waiting_note_after_days, policy.waiting_note_every_days),
        weights=policy.weights,
        rhythm=Rhythm(policy.round_every_days, policy.round_hour, changed.time_zone),
        between_rounds=BetweenRoundsRules(
            policy.between_rounds,
            policy.between_rounds_in,
            displaces_asked=policy.displace == "unanswered",
        ),
        host_languages=changed.host_languages,
        rescue=policy.rescue,
    )
    if known is None:
        return Decision(heard)
    next_round_at = known.next_round_at
    if next_round_at is not None and heard.rhythm != known.rhythm:
        next_round_at = _first_round(heard, now)
    return Decision(
        replace(
            heard,
            next_round_at=next_round_at,
            asked_round_at=known.asked_round_at,
            last_round_at=known.last_round_at,
            next_top_up_at=known.next_top_up_at,
            following_top_up_at=known.following_top_up_at,
            plentiful=known.plentiful,
            drawn_in=known.drawn_in,
        )
    )


def begin_rounds(known: KnownProgramme, now: datetime) -> Decision[KnownProgramme] | None:
    """There are people to match: the first round is at the next round hour."""
    if known.next_round_at is not None:
        return None
    return Decision(replace(known, next_round_at=_first_round(known, now)))


def ask_for_round(known: KnownProgramme, now: datetime) -> Decision[KnownProgramme]:
    """A coordinator wants a round now. While one that was asked for has not run, nothing changes."""
    return Decision(replace(known, asked_round_at=known.asked_round_at or now))


def note_for_top_up(known: KnownProgramme, now: datetime) -> Decision[KnownProgramme] | None:
    """Somebody came or changed, or a match came to nothing: the next top-up looks at it.

    To be noted before it is done: then no crash in between can make us forget it. One that finds
    nothing new does no harm.
    """
    if not known.proposes_at_once:
        return None
    if known.next_top_up_at is None:
        return Decision(replace(known, next_top_up_at=top_up_after(now)))
    if known.next_top_up_at > now or known.following_top_up_at is not None:
        return None
    return Decision(replace(known, following_top_up_at=top_up_after(now)))


def finish(
    known: KnownProgramme, record: RoundRecord, now: datetime
) -> Decision[KnownProgramme] | None:
    """A round or top-up of `now` is done. Finishing it twice changes nothing.

    What was noted for a top-up until then is done too, since a round sees all that one would have
    seen; what was noted meanwhile is for the next one.
    """
    if known.last_round_at is not None and known.last_round_at >= record.instant:
        return None
    done = replace(known, last_round_at=record.instant)
    if known.next_top_up_at is not None and known.next_top_up_at <= now:
        done = replace(done, next_top_up_at=known.following_top_up_at, following_top_up_at=None)
    if record.kind is RoundKind.TOP_UP:
        return Decision(done)
    plentiful = tuple(supply.city for supply in record.supply if supply.is_plentiful)
    done = replace(done, plentiful=plentiful, drawn_in=record.round_id)
    if known.asked_round_at is not None and known.asked_round_at <= record.instant:
        done = replace(done, asked_round_at=None)
    if known.next_round_at is not None and known.next_round_at <= record.instant:
        rhythm = known.rhythm
        following = round_after(
            known.next_round_at,
            now,
            every_days=rhythm.every_days,
            hour=rhythm.hour,
            zone=rhythm.zone,
        )
        done = replace(done, next_round_at=following)
    return Decision(done)


def _first_round(known: KnownProgramme, after: datetime) -> datetime:
    return first_round_after(after, hour=known.rhythm.hour, zone=known.rhythm.zone)
