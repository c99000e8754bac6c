"""The round again in plain Python, pair by pair, from the written rules: what the engine must equal.

It shares the rules for one pair (`constraints`, `factors`) with the engine, and nothing else: no
tables, no short lists, another order of asking, its own arithmetic of lottery and priorities.
"""

from dataclasses import dataclass
from hashlib import blake2b

from services.matching.domain.constraints import Situation, why_not
from services.matching.domain.person import Person
from services.matching.domain.pool import items_of
from services.matching.domain.reasons import reasons_for
from services.matching.domain.round import RoundInput
from tests.unit.matching.engine_builders import mentees_of, mentors_of

Pair = tuple[str, str]
MASK = 2**64 - 1


@dataclass(frozen=True)
class Reference:
    """Preferences of both sides over the possible pairs, higher is better, and the matching."""

    seats: dict[str, int]
    wanted_by_mentee: dict[Pair, tuple[int, int]]
    wanted_by_mentor: dict[Pair, tuple[int, int]]

    def stable(self) -> set[Pair]:
        """All free mentees ask at once, again and again, each the best who has not said no."""
        refused: set[Pair] = set()
        while True:
            asked: dict[str, list[str]] = {mentor: [] for mentor in self.seats}
            for mentee in {mentee for mentee, _ in self.wanted_by_mentee}:
                open_pairs = [
                    pair
                    for pair in self.wanted_by_mentee
                    if pair[0] == mentee and pair not in refused
                ]
                if open_pairs:
                    asked[max(open_pairs, key=self.wanted_by_mentee.__getitem__)[1]].append(mentee)
            said_no = set()
            for mentor, mentees in asked.items():
                mentees.sort(key=lambda one: self.wanted_by_mentor[one, mentor], reverse=True)
                said_no |= {(mentee, mentor) for mentee in mentees[self.seats[mentor] :]}
            if not said_no:
                return {(mentee, mentor) for mentor in asked for mentee in asked[mentor]}
            refused |= said_no

    def blocking(self, matched: set[Pair]) -> set[Pair]:
        """Pairs who would both rather have each other than what they got."""
        found = set()
        mentor_of = dict(matched)
        for mentee, mentor in self.wanted_by_mentee:
            pair = (mentee, mentor)
            mine = mentor_of.get(mentee)
            if mine == mentor or (
                mine and self.wanted_by_mentee[mentee, mine] > self.wanted_by_mentee[pair]
            ):
                continue
            hers = [other for other, held_by in matched if held_by == mentor]
            if len(hers) < self.seats[mentor] or any(
                self.wanted_by_mentor[other, mentor] < self.wanted_by_mentor[pair] for other in hers
            ):
                found.add(pair)
        return found


def reference(round_input: RoundInput, need_depth: int = 32) -> Reference:
    situation = Situation(round_input.free_seats, round_input.never_again)
    mentees, mentors = mentees_of(round_input), mentors_of(round_input)
    possible = [
        (mentee, mentor)
        for mentee in mentees
        for mentor in mentors
        if not why_not(mentee, mentor, situation)
    ]
    seats = {
        mentor.participant_id: max(
            0, min(mentor.seats, round_input.free_seats.get(mentor.participant_id, 0))
        )
        for mentor in mentors
    }
    wanted = {
        (mentee.participant_id, mentor.participant_id): (
            sum(reason.points for reason in reasons_for(mentee, mentor, round_input.weights)),
            _tie(mentee.participant_id, mentor.participant_id, round_input.seed),
        )
        for mentee, mentor in possible
    }
    need = _need(wanted, seats, need_depth)
    by_mentor = {}
    for mentee, mentor in possible:
        days = min(180, max(0, (round_input.now - mentee.available_since).days))
        points = 200 * days // 180
        points += 200 * min(4, _in_common(mentee, mentor)) // 4
        points += need[mentee.participant_id]
        by_mentor[mentee.participant_id, mentor.participant_id] = (
            points,
            _number(mentee.participant_id, round_input.seed),
        )
    return Reference(seats, wanted, by_mentor)


def _in_common(mentee: Person, mentor: Person) -> int:
    return len(items_of(mentee) & items_of(mentor))


def _need(wanted: dict[Pair, tuple[int, int]], seats: dict[str, int], depth: int) -> dict[str, int]:
    best = {
        mentee: sorted(
            (mentor for one, mentor in wanted if one == mentee),
            key=lambda mentor: wanted[mentee, mentor],
            reverse=True,
        )[:depth]
        for mentee in {mentee for mentee, _ in wanted}
    }
    need = {}
    for mentee, mentors in best.items():
        chances = 0
        for mentor in mentors:
            rivals = sum(mentor in others for others in best.values())
            chances += 1000 * seats[mentor] // max(rivals, seats[mentor])
        need[mentee] = 60 * sum(chances < 16_000 // 2**step for step in range(14))
    return need


def _number(participant_id: str, seed: int) -> int:
    digest = blake2b(f"{seed}/{participant_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _tie(mentee_id: str, mentor_id: str, seed: int) -> int:
    mixed = (_number(mentee_id, seed) * 0x9E3779B97F4A7C15 + _number(mentor_id, seed)) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return (mixed ^ (mixed >> 31)) >> 11
