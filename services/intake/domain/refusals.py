"""Why intake says no. Each is a value with a sentence for the person who asked."""

from dataclasses import dataclass
from typing import ClassVar

from services.intake.domain.columns import FieldProblem
from shared.decisions import Refusal, RefusalKind


@dataclass(frozen=True, slots=True)
class NobodyHere(Refusal):
    """No participant has this id."""

    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND
    detail: str = "No participant has this id. Look it up in the list of participants."


@dataclass(frozen=True, slots=True)
class NoSuchMentorship(Refusal):
    """No match has this id."""

    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND
    detail: str = "No match has this id. Look it up in the list of mentorships or proposals."


@dataclass(frozen=True, slots=True)
class NoSuchProgramme(Refusal):
    """No programme has this id."""

    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND
    detail: str = "No programme has this id. An operator makes it with PUT /programmes/{id}."


@dataclass(frozen=True, slots=True)
class Forgotten(Refusal):
    """She asked to be forgotten, and is."""

    kind: ClassVar[RefusalKind] = RefusalKind.GONE
    detail: str = "Everything about you has been deleted. You are welcome to register again."


@dataclass(frozen=True, slots=True)
class HasLeft(Refusal):
    """She has left; coming back is a step of its own."""

    detail: str = "You have left the programme. On your page you can come back with one click."


@dataclass(frozen=True, slots=True)
class ConfirmFirst(Refusal):
    """The e-mail address has not been confirmed yet."""

    detail: str = "Please confirm your e-mail address first: the link is in our first message."


@dataclass(frozen=True, slots=True)
class NotYetInThePool(Refusal):
    """A mentor who waits for her talk with a coordinator has nothing to pause."""

    detail: str = "A coordinator will talk with you first; until then you get no proposals."


@dataclass(frozen=True, slots=True)
class ProposalOver(Refusal):
    """There is nothing to answer: it was answered, or its time is over, or it was taken back."""

    kind: ClassVar[RefusalKind] = RefusalKind.GONE
    detail: str = (
        "There is nothing to answer here any more. Your own page says what happens now and next."
    )


@dataclass(frozen=True, slots=True)
class NoScreeningForMentees(Refusal):
    """Only mentors are screened."""

    kind: ClassVar[RefusalKind] = RefusalKind.INVALID
    detail: str = "Only mentors are screened; a mentee needs no screening."


@dataclass(frozen=True, slots=True)
class AlreadyRegistered(Refusal):
    """Somebody with this e-mail address has this role in the programme. Never shown to the public."""

    detail: str = "This e-mail address is registered in this programme and role."


@dataclass(frozen=True, slots=True)
class ChangedMeanwhile(Refusal):
    """The profile is no longer the one that the caller saw."""

    detail: str = "Your profile has changed meanwhile. Load it again, then send your change."


@dataclass(frozen=True, slots=True)
class FieldsRefused(Refusal):
    """Values that cannot be right, one problem for each field."""

    kind: ClassVar[RefusalKind] = RefusalKind.INVALID
    detail: str = "Some fields need another value; see `errors`."
    problems: tuple[FieldProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class CoordinatorElsewhere(Refusal):
    """A coordinator's id belongs to another programme."""

    detail: str = "A coordinator's id is used in another programme; give her another id here."


@dataclass(frozen=True, slots=True)
class NotOnTheList(Refusal):
    """Who signed in is no coordinator and no operator here."""

    kind: ClassVar[RefusalKind] = RefusalKind.FORBIDDEN
    detail: str = (
        "You signed in, but no programme names you as a coordinator by this address. Ask whoever "
        "leads your programme; your identity provider must have verified the address."
    )


@dataclass(frozen=True, slots=True)
class NoSuchDraft(Refusal):
    """The spreadsheet is not kept any more: it was brought in, or an hour is over."""

    kind: ClassVar[RefusalKind] = RefusalKind.GONE
    detail: str = "This file is not kept any more. Choose it once more; nobody comes in twice."


@dataclass(frozen=True, slots=True)
class SeveralProgrammes(Refusal):
    """She is a coordinator in several programmes, and looks after one at a time."""

    detail: str = "You are a coordinator in several programmes. Choose one of them."
    programmes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CharterNotInForce(Refusal):
    """The version of the charter is not in force."""

    kind: ClassVar[RefusalKind] = RefusalKind.INVALID
    detail: str = (
        "This version of the charter is not in force; see the programme for those that are."
    )


@dataclass(frozen=True, slots=True)
class NoSuchRequest(Refusal):
    """No request has this number, or it is not hers."""

    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND
    detail: str = "There is nothing here. You can ask for your data again on your page."


@dataclass(frozen=True, slots=True)
class ExportGone(Refusal):
    """The days in which she could fetch her data are over."""

    kind: ClassVar[RefusalKind] = RefusalKind.GONE
    detail: str = "The copy of your data has been deleted. Ask for a new one on your page."
