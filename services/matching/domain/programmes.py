"""What matching knows of a programme: the part of its policy that it needs, and its rounds. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.matching.domain.match import AnswerRules
from services.matching.domain.schedule import first_round_after, round_after
from shared.decisions import Decision
from shared.events.payload import Payload
from shared.events.programmes import ProgrammeChanged, ScoreWeights
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
    coordinator asked for and that has not run yet; `last_round_at` the last one that is done.
    """

    programme: str
    answer_rules: AnswerRules
    review_before_proposing: bool
    waiting_notes: WaitingNotes
    weights: ScoreWeights
    rhythm: Rhythm
    next_round_at: datetime | None = None
    asked_round_at: datetime | None = None
    last_round_at: datetime | None = None

    @property
    def wake_at(self) -> datetime | None:
        """When the next round of either kind is due."""
        instants = [at for at in (self.next_round_at, self.asked_round_at) if at is not None]
        return min(instants, default=None)

    @property
    def round_instant(self) -> datetime | None:
        """The instant by which the next round is named: later than that of every round before."""
        if self.wake_at is None or self.last_round_at is None:
            return self.wake_at
        return max(self.wake_at, self.last_round_at + _MILLISECOND)


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


def finish_round(
    known: KnownProgramme, instant: datetime, now: datetime
) -> Decision[KnownProgramme] | None:
    """The round of `instant` is done. Finishing it twice changes nothing."""
    if known.last_round_at is not None and known.last_round_at >= instant:
        return None
    done = replace(known, last_round_at=instant)
    if known.asked_round_at is not None and known.asked_round_at <= instant:
        done = replace(done, asked_round_at=None)
    if known.next_round_at is not None and known.next_round_at <= instant:
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
