"""Why a pair: its points by factor, with what the two share, adding up exactly to its score."""

from services.matching.domain.constraints import in_one_city, shared_languages
from services.matching.domain.factors import FACTORS
from services.matching.domain.person import Person
from services.matching.domain.round import Pairing
from shared.events.matches import Factor, Reason
from shared.events.participants import TimeOfWeek
from shared.events.programmes import ScoreWeights


def reasons_for(mentee: Person, mentor: Person, weights: ScoreWeights) -> tuple[Reason, ...]:
    """Every factor that gave points: common ground first, as a proposal opens, then the most."""
    counted = []
    for rule in FACTORS:
        points, shared = rule.points(getattr(weights, rule.factor.value), mentee, mentor)
        if points:
            counted.append(Reason(factor=rule.factor, points=points, shared=shared))
    counted.sort(key=lambda reason: (reason.factor is not Factor.COMMON_GROUND, -reason.points))
    return tuple(counted)


def pairing_of(mentee: Person, mentor: Person, weights: ScoreWeights) -> Pairing:
    """The pairing of two who meet every hard constraint."""
    reasons = reasons_for(mentee, mentor, weights)
    both = set(mentee.availability) & set(mentor.availability)
    return Pairing(
        mentee_id=mentee.participant_id,
        mentor_id=mentor.participant_id,
        score=sum(reason.points for reason in reasons),
        reasons=reasons,
        languages=shared_languages(mentee, mentor),
        times=tuple(time for time in TimeOfWeek if time in both),
        online=not in_one_city(mentee, mentor),
    )
