"""What two people share, in sentences: what each proposal opens with. Interests and topics come first."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from babel.lists import format_list

from services.intake.api.questions import own_names
from services.intake.domain.journeys import KnownMatch, SharedGround
from shared.events.matches import Factor
from shared.events.participants import Role
from shared.web.words import INTERESTS, KINDS_OF_HELP, N_, TIMES, TOPICS

Translate = Callable[[str], str]

_UNIT_GROUP: Final = 4
"""Digits of an ISCO-08 unit group; with fewer it is a field that several share."""


def common_ground(match: KnownMatch, side: Role, locale: str, translate: Translate) -> list[str]:
    """One sentence for each thing that the two share, as one side reads it."""

    def listed(words: Sequence[str]) -> str:
        return format_list([translate(word) for word in words], locale=locale)

    def sentence(template: str, words: Sequence[str]) -> list[str]:
        return [translate(template).format(list=listed(words))] if words else []

    lines: list[str] = []
    reasons = sorted(match.reasons, key=lambda reason: reason.factor is not Factor.COMMON_GROUND)
    for reason in reasons:
        match reason.factor:
            case Factor.COMMON_GROUND:
                interests = [code for code in reason.shared if code not in TOPICS]
                lines += sentence(
                    N_("Interests that you share: {list}."), _words(interests, INTERESTS)
                )
                topics = [code for code in reason.shared if code in TOPICS]
                lines += sentence(N_("Life topics that you share: {list}."), _words(topics, TOPICS))
            case Factor.KINDS_OF_HELP:
                words = _words(reason.shared, KINDS_OF_HELP)
                template = (
                    N_("What she asks for and you offer: {list}.")
                    if side is Role.MENTOR
                    else N_("What you ask for and she offers: {list}.")
                )
                lines += sentence(template, words)
            case _:
                lines += [translate(words) for words in _plain(reason, side)]
    languages = [own_names().get(code, code) for code in match.languages]
    if languages:
        template = translate(N_("Languages that you both want to use: {list}."))
        lines.append(template.format(list=format_list(languages, locale=locale)))
    lines += sentence(N_("Times that suit you both: {list}."), _words(match.times, TIMES))
    if match.online:
        lines.append(translate(N_("You would meet online.")))
    return lines


def _words(codes: Sequence[str], known: Mapping[str, str]) -> list[str]:
    return [known.get(code, code) for code in codes]


def _plain(reason: SharedGround, side: Role) -> list[str]:
    match reason.factor:
        case Factor.PROFESSION:
            code = next((code for code in reason.shared if code.isdigit()), "")
            same = len(code) == _UNIT_GROUP
            return [
                N_("You have the same profession.") if same else N_("Your professions are related.")
            ]
        case Factor.WISHED_PROFESSION:
            return [
                N_("She would like to work in your field.")
                if side is Role.MENTOR
                else N_("She works in the field that you would like to work in.")
            ]
        case Factor.EDUCATION:
            return [N_("Your educations have something in common.")]
        case Factor.SAME_CITY:
            return [N_("You live in the same municipality.")]
    return []
