"""Who is a coordinator or an operator, and for whose people. Pure.

Nobody is anything by signing in: the programme names its coordinators, by verified e-mail address or by
the provider's own name for them, and the settings name the claim that makes an operator.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.intake.domain.programme import Coordinator, Programme
from services.intake.domain.refusals import NotOnTheList, SeveralProgrammes
from shared.decisions import Refusal
from shared.security.scopes import EVERYTHING, Scope
from shared.security.sessions import StaffRole


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody is: `subject` is a coordinator's id, or an operator's name at the provider."""

    role: StaffRole
    subject: str
    scope: Scope


def scope_of(coordinator: Coordinator | None, programme: Programme | None) -> Scope | None:
    """Whose people she sees; None if she is no coordinator (any more).

    Whoever is somebody's deputy sees her cities as well: what was not seen to there comes to her.
    """
    if coordinator is None or programme is None or not coordinator.is_one:
        return None
    me = coordinator.coordinator_id
    if all(named.coordinator_id != me for named in programme.coordinators):
        return None
    cities = {
        city
        for named in programme.coordinators
        if me in (named.coordinator_id, named.deputy)
        for city in named.cities
    }
    return Scope(programme.programme, None if coordinator.leads else frozenset(cities))


def is_operator(claims: Mapping[str, Any], wanted: str) -> bool:
    """Whether the claims hold what makes an operator, written as `claim=value`."""
    name, sign, value = wanted.partition("=")
    held = claims.get(name)
    return bool(sign and value) and (value in held if isinstance(held, list) else held == value)


def post_of(
    subject: str,
    found: Iterable[tuple[Coordinator, Programme]],
    programme: str,
    *,
    operates: bool,
) -> Post | Refusal:
    """What she signs in as. programme: the one that she chose, or empty.

    found: the coordinators who have her verified address, or whom a programme names by her subject.
    """
    posts = {
        scope.programme: Post(StaffRole.COORDINATOR, coordinator.coordinator_id, scope)
        for coordinator, hers in found
        if (scope := scope_of(coordinator, hers)) is not None
    }
    if programme in posts:
        return posts[programme]
    if operates:
        return Post(StaffRole.OPERATOR, subject, EVERYTHING)
    if not posts or programme:
        return NotOnTheList()
    if len(posts) > 1:
        return SeveralProgrammes(programmes=tuple(sorted(str(each) for each in posts)))
    return next(iter(posts.values()))
