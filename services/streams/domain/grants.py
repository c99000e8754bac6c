"""A grant: what one integrator may see of one programme, and the keys that open it. Pure.

Deny first: a grant with no city sees nothing, and what is not named is not granted. Keys are kept as
hashes; their times are the machine's, since a key is no part of a programme's life.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from services.streams.domain.integration import INTEGRATION_EVENTS, GrantedStream, Seen
from services.streams.domain.places import places, regions, small_in
from shared.decisions import Decision, Refusal, RefusalKind

MOST_KEYS: Final = 5
"""That open a grant at the same time: one for each system, and one more while they are changed."""
PREFIX_LENGTH: Final = 11
"""Of a key's characters, `cg_` among them: enough to find the grant and to know a key again, and far from
enough to guess the other 200 bits."""
OVERLAP: Final = timedelta(days=7)
"""So long the old keys still open after a rotation, unless another time is asked for."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a grant. What opens is never kept, only its hash."""

    prefix: str
    hash: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def opens(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked for in the journal for a grant, or for a request within it."""

    programme: str
    seen: frozenset[type[Seen]]
    cities: frozenset[str] | None
    """Codes; None for every place."""

    def includes(self, programme: str, seen: type[Seen], city: str | None) -> bool:
        """Whether an event of this kind in this programme and city is within."""
        return (
            programme == self.programme
            and seen in self.seen
            and (self.cities is None or city in self.cities)
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """How much a grant was used, through the doors that its holder opens herself."""

    requests: int = 0
    events: int = 0
    position: int = 0
    """The highest that she has been given."""
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What one integrator may see of one programme."""

    grant_id: str
    name: str
    """The integrator: an organisation, never a person."""
    programme: str
    streams: tuple[GrantedStream, ...]
    cities: tuple[str, ...]
    """Municipalities that are not small, by their codes. None is nothing, not all."""
    regions: tuple[str, ...]
    """Regions whose small municipalities are granted; they are seen as their region."""
    all_cities: bool
    pseudonym_key: str
    """Random; gone when the grant is revoked, so that its pseudonyms mean nobody any more."""
    created_at: datetime
    keys: tuple[Key, ...] = ()
    revoked_at: datetime | None = None
    usage: Usage = field(default=Usage())

    @property
    def scope(self) -> Scope:
        """All that it sees."""
        visible = None if self.all_cities else frozenset(self.cities) | small_in(self.regions)
        seen = frozenset(event for event in INTEGRATION_EVENTS if event.stream in self.streams)
        return Scope(self.programme, seen, visible)

    def keys_at(self, now: datetime) -> tuple[Key, ...]:
        """The keys that open it now; none if it is revoked."""
        if self.revoked_at is not None:
            return ()
        return tuple(key for key in self.keys if key.opens(now))


@dataclass(frozen=True, slots=True)
class GrantUnknown(Refusal):
    """There is no such grant."""

    detail: str = "There is no grant with this id; `GET /integrators` lists them."
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class GrantRevoked(Refusal):
    """The grant is over."""

    detail: str = "This grant was revoked. Make a new one; its pseudonyms will be other ones."
    kind: ClassVar[RefusalKind] = RefusalKind.GONE


@dataclass(frozen=True, slots=True)
class KeyUnknown(Refusal):
    """The grant has no such key."""

    detail: str = "This grant has no key with this prefix."
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class TooManyKeys(Refusal):
    """As many keys open it as may."""

    detail: str = f"A grant has at most {MOST_KEYS} keys at a time; revoke one first."


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field of a wish."""

    field: str
    reason: str


def faults_of_places(cities: Iterable[str], granted_regions: Iterable[str]) -> list[Fault]:
    """Which of these places cannot be granted, and why."""
    faults = []
    for code in cities:
        place = places().get(code)
        if place is None:
            faults.append(Fault("cities", f"There is no municipality {code!r}."))
        elif place.is_small:
            reason = f"{code} is small, so only its region {place.region!r} can be granted."
            faults.append(Fault("cities", reason))
    faults += [
        Fault("regions", f"There is no region {name!r}; they are {', '.join(regions())}.")
        for name in granted_regions
        if name not in regions()
    ]
    return faults


# Decisions ----------------------------------------------------------------------------------------


def make(state: Grant | None, wanted: Grant) -> Decision[Grant] | None:
    """Makes a grant, once."""
    return Decision(wanted) if state is None else None


def add_key(state: Grant | None, key: Key, now: datetime) -> Decision[Grant] | Refusal:
    """One more key; those that are over make room."""
    if state is None:
        return GrantUnknown()
    if state.revoked_at is not None:
        return GrantRevoked()
    alive = state.keys_at(now)
    if len(alive) >= MOST_KEYS:
        return TooManyKeys()
    return Decision(replace(state, keys=(*alive, key)))


def rotate(
    state: Grant | None, key: Key, now: datetime, overlap: timedelta = OVERLAP
) -> Decision[Grant] | Refusal:
    """A new key; all others end after the overlap, if they do not end before."""
    if state is None:
        return GrantUnknown()
    if state.revoked_at is not None:
        return GrantRevoked()
    end = now + overlap
    ending = tuple(
        replace(old, expires_at=min(old.expires_at or end, end)) for old in state.keys_at(now)
    )
    # The youngest may still be in use; of the others there can be no more than fit.
    return Decision(replace(state, keys=(*ending[-(MOST_KEYS - 1) :], key)))


def revoke_key(state: Grant | None, prefix: str, now: datetime) -> Decision[Grant] | Refusal | None:
    """A key opens nothing from now on."""
    if state is None:
        return GrantUnknown()
    found = [key for key in state.keys if key.prefix == prefix]
    if not found:
        return KeyUnknown()
    if all(key.revoked_at is not None for key in found):
        return None
    keys = tuple(
        replace(key, revoked_at=key.revoked_at or now) if key.prefix == prefix else key
        for key in state.keys
    )
    return Decision(replace(state, keys=keys))


def revoke(state: Grant | None, now: datetime) -> Decision[Grant] | Refusal | None:
    """The grant is over, and with its pseudonyms' key goes what they meant."""
    if state is None:
        return GrantUnknown()
    if state.revoked_at is not None:
        return None
    return Decision(replace(state, revoked_at=now, keys=(), pseudonym_key=""))


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has seen of a grant's use since it wrote it down last."""

    requests: int
    events: int
    position: int
    prefixes: frozenset[str]
    at: datetime


def note_use(state: Grant | None, used: Used) -> Decision[Grant] | None:
    """Adds to the usage, and says of the keys when they were used last."""
    if state is None:
        return None
    usage = Usage(
        requests=state.usage.requests + used.requests,
        events=state.usage.events + used.events,
        position=max(state.usage.position, used.position),
        last_used_at=max(state.usage.last_used_at or used.at, used.at),
    )
    keys = tuple(
        replace(key, last_used_at=used.at) if key.prefix in used.prefixes else key
        for key in state.keys
    )
    return Decision(replace(state, usage=usage, keys=keys))
