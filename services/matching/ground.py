"""What a round or top-up stands on, and what of it the engine sees.

What must stay true: run again under its name after it was cut off, a round sees what it saw the first
time, whatever it had written by then.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.matching.domain.constraints import why_no_longer
from services.matching.domain.match import DISPLACEABLE, Match
from services.matching.domain.people import KnownPerson
from services.matching.domain.person import Person
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.round import RoundInput, RoundResult
from services.matching.domain.supply import CitySupply, supply_after
from shared.events.participants import Role


@dataclass(frozen=True, slots=True)
class Ground:
    """Everybody active, and what their matches bind.

    `binding`: matches that are open or keep a pair from another proposal, as they were before the
    round: without those it has made, with those it has displaced. `displaceable`: those of them that
    it may take back. `seen`: the people of the pool whom it looks at.
    """

    people: Mapping[str, KnownPerson]
    binding: Sequence[Match]
    displaceable: Sequence[Match]
    seen: Sequence[Person]
    is_round: bool

    @classmethod
    def of_round(cls, people: Mapping[str, KnownPerson], binding: Sequence[Match]) -> "Ground":
        """A round sees everybody, and takes nothing back."""
        return cls(people, binding, (), _in_pool(people), is_round=True)

    @classmethod
    def of_top_up(
        cls,
        people: Mapping[str, KnownPerson],
        binding: Sequence[Match],
        programme: KnownProgramme,
        round_id: str,
    ) -> "Ground":
        """A top-up sees the people of the cities that propose at once, and no other city's seats.

        It may take back what nobody has answered (by policy, only what nobody has been asked yet),
        if both live there and they still fit: one that does not fit any more is about to be
        withdrawn, and holds its seat until then. So nothing that happens in a city that proposes at
        once reaches one that waits for the round. What the rescue placed or moved stays: chains that
        know of stability alone would send those away whom it placed.
        """
        rules = programme.between_rounds
        seen = [person for person in _in_pool(people) if programme.proposes_at_once_in(person.city)]
        by_id = {person.participant_id: person for person in seen}
        displaceable = [
            match
            for match in binding
            if match.displaced_by == round_id or match.status in DISPLACEABLE
            if rules.displaces_asked or not match.heard
            if not match.by_rescue
            if match.mentee_id in by_id and match.mentor_id in by_id
            if not why_no_longer(by_id[match.mentee_id], by_id[match.mentor_id])
        ]
        return cls(people, binding, displaceable, seen, is_round=False)

    @property
    def open_matches(self) -> list[Match]:
        """Matches that held a mentee and a seat when it began."""
        return [match for match in self.binding if match.open or match.displaced_by is not None]

    def seats_taken(self, displaced: Collection[str] = ()) -> dict[str, set[int]]:
        """The numbers of the seats that are held, by mentor, without those matches."""
        taken: dict[str, set[int]] = {}
        for match in self.open_matches:
            if match.match_id not in displaced:
                taken.setdefault(match.mentor_id, set()).add(match.seat)
        return taken

    def input_of(self, programme: KnownProgramme, seed: int, instant: datetime) -> RoundInput:
        """What the engine sees: free mentees, those it may displace, mentors, and their free seats.

        Only a round rescues, since it weighs everybody, and only a round looks at mentors who have
        no free seat: it tells why who waits does.
        """
        tentative = {match.match_id for match in self.displaceable}
        frozen = self.seats_taken(tentative)
        held = {match.mentee_id for match in self.open_matches if match.match_id not in tentative}
        displaceable = Counter(match.mentor_id for match in self.displaceable)
        free_seats = {
            person.participant_id: max(
                displaceable[person.participant_id],
                person.seats - len(frozen.get(person.participant_id, ())),
            )
            for person in self.seen
            if person.role is Role.MENTOR
        }
        return RoundInput(
            people=[
                person
                for person in self.seen
                if person.participant_id not in held
                if self.is_round or free_seats.get(person.participant_id, 1)
            ],
            free_seats=free_seats,
            never_again=frozenset(
                (match.mentee_id, match.mentor_id)
                for match in self.binding
                if match.match_id not in tentative
            ),
            weights=programme.weights,
            seed=seed,
            now=instant,
            tentative={match.mentee_id: match.mentor_id for match in self.displaceable},
            rescue=programme.rescue if self.is_round else "off",
        )


def supply_left(round_input: RoundInput, result: RoundResult) -> tuple[CitySupply, ...]:
    """What a round left each city."""
    filled = Counter(pairing.mentor_id for pairing in result.pairings)
    return supply_after(
        round_input.people,
        {one.participant_id for one in result.waiting if one.mentors_in_reach},
        {mentor: seats - filled[mentor] for mentor, seats in round_input.free_seats.items()},
    )


def _in_pool(people: Mapping[str, KnownPerson]) -> list[Person]:
    return [
        person
        for known in people.values()
        if known.is_in_pool
        for person in [known.for_round()]
        if person is not None
    ]
