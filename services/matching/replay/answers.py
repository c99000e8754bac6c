"""How people answer in a replay: as they did, or as people like them mostly do.

Where a pair was proposed in the recorded history, the two answer as they did then. Another pair
answers by chance, at the rates and with the delays that the history shows for each side; of a file
of people, at assumed ones. Each chance is drawn from the seed and the pair alone, so two policies
that propose the same pair meet the same luck (common random numbers), whatever else differs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from services.matching.replay.history import History
from shared.events.check_ins import MentorshipClosed
from shared.events.matches import (
    MatchAccepted,
    MatchDeclined,
    MatchExpired,
    MatchMenteeAccepted,
    MatchProposed,
    MatchState,
)
from shared.events.participants import (
    ParticipantPaused,
    ParticipantResumed,
    PauseReason,
    Role,
)
from shared.events.payload import Payload
from shared.events.streams import MATCHES, PARTICIPANTS
from shared.events.wire import Event

Pair = tuple[str, str]  # mentee, mentor


@dataclass(frozen=True, slots=True)
class Reply:
    """What a side says, and how long after she was asked; None if she says nothing in time."""

    says_yes: bool | None
    after: timedelta


@dataclass(slots=True)
class Habits:
    """How one side mostly answers. `replies`: every answer and silence that was recorded."""

    replies: list[Reply] = field(default_factory=list)

    def drawn(self, chance: float) -> Reply:
        """One of the recorded replies; the same chance draws the same."""
        return self.replies[min(int(chance * len(self.replies)), len(self.replies) - 1)]


def _assumed(yes: int, no: int, silent: int) -> Habits:
    """Of a hundred; answers come after half a day to six days, evenly."""
    day = timedelta(days=1)
    said = [Reply(says_yes=True, after=day * (0.5 + 5.5 * n / yes)) for n in range(yes)]
    said += [Reply(says_yes=False, after=day * (0.5 + 5.5 * n / no)) for n in range(no)]
    return Habits([*said, *[Reply(None, timedelta(0))] * silent])


ASSUMED: Final = {Role.MENTEE: _assumed(80, 12, 8), Role.MENTOR: _assumed(85, 8, 7)}
"""For people without a history: four of five say yes, as in the project's own simulation."""

FEWEST_REPLIES: Final = 20
"""From fewer than these the history's own rates say nothing, and the assumed ones are taken."""


@dataclass(slots=True)
class Answers:
    """The recorded answers, and the habits of the two sides."""

    seed: int
    recorded: dict[tuple[Pair, Role], Reply] = field(default_factory=dict)
    habits: dict[Role, Habits] = field(default_factory=lambda: {role: Habits() for role in Role})
    lasted: dict[Pair, timedelta] = field(default_factory=dict)
    durations: list[timedelta | None] = field(default_factory=list)
    breaks: list[timedelta | None] = field(default_factory=list)
    again: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, history: History, seed: int) -> "Answers":
        """What the history tells of answers, mentorships and breaks."""
        found = cls(seed)
        found._hear_matches(event for event in history.events if event.stream is MATCHES)
        found._hear_breaks(history)
        for role, habits in found.habits.items():
            if len(habits.replies) < FEWEST_REPLIES:
                found.habits[role] = ASSUMED[role]
            else:
                habits.replies.sort(key=lambda one: (str(one.says_yes), one.after), reverse=True)
        return found

    def reply(self, pair: Pair, side: Role) -> Reply:
        """What this side says to being matched with the other."""
        known = self.recorded.get((pair, side))
        return known or self.habits[side].drawn(self._chance(f"answer of {side.value}", *pair))

    def lasts(self, pair: Pair) -> timedelta | None:
        """How long their mentorship lasts; None if past the end of the replay."""
        known = self.lasted.get(pair)
        if known is not None or not self.durations:
            return known
        return self.durations[int(self._chance("duration", *pair) * len(self.durations))]

    def wants_another(self, pair: Pair, side: Role) -> bool:
        """Whether she is to be matched again after this mentorship."""
        if not self.again:
            return True
        return self.again[int(self._chance(f"again of {side.value}", *pair) * len(self.again))]

    def comes_back(self, participant_id: str) -> timedelta | None:
        """How long somebody stays away who was paused for not answering; None if for good."""
        if not self.breaks:
            return None
        return self.breaks[int(self._chance("break", participant_id) * len(self.breaks))]

    def _chance(self, what: str, *about: str) -> float:
        named = "\x1f".join((str(self.seed), what, *about))
        digest = blake2b(named.encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53

    def _hear_matches(self, events: Iterable[Event[Payload]]) -> None:
        asked: dict[str, datetime] = {}
        for event in events:
            match, now = event.payload, event.time
            if not isinstance(match, MatchState):
                continue
            pair = (match.mentee_id, match.mentor_id)
            since = asked.get(match.match_id, now)
            if isinstance(match, MatchProposed):
                asked[match.match_id] = now
            elif isinstance(match, MatchMenteeAccepted):
                self._note(pair, Role.MENTEE, Reply(says_yes=True, after=now - since))
                asked[match.match_id] = now
            elif isinstance(match, MatchAccepted):
                self._note(pair, Role.MENTOR, Reply(says_yes=True, after=now - since))
            elif isinstance(match, MatchDeclined):
                self._note(pair, match.declined_by, Reply(says_yes=False, after=now - since))
            elif isinstance(match, MatchExpired):
                self._note(pair, match.unanswered_by, Reply(None, now - since))

    def _hear_breaks(self, history: History) -> None:
        closed: dict[str, MentorshipClosed] = {}
        away: dict[str, datetime] = {}
        accepted = 0
        for event in history.events:
            payload = event.payload
            if isinstance(payload, MatchAccepted):
                accepted += 1
            elif isinstance(payload, MentorshipClosed) and payload.match_id not in closed:
                closed[payload.match_id] = payload
                lasted = payload.closed_at - payload.started_at
                self.lasted[payload.mentee_id, payload.mentor_id] = lasted
                self.durations.append(lasted)
                self.again += [side in payload.match_again for side in Role]
            elif event.stream is PARTICIPANTS and isinstance(payload, ParticipantPaused):
                if payload.reason is PauseReason.NO_ANSWER:
                    away[event.subject] = event.time
            elif isinstance(payload, ParticipantResumed) and event.subject in away:
                self.breaks.append(event.time - away.pop(event.subject))
        self.breaks += [None] * len(away)
        self.durations += [None] * max(0, accepted - len(closed))

    def _note(self, pair: Pair, side: Role, reply: Reply) -> None:
        self.recorded.setdefault((pair, side), reply)
        self.habits[side].replies.append(reply)
