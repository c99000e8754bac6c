"""The stream `rights`: requests for export and erasure, and each service's report that it is done."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from shared.events.payload import Payload
from shared.events.streams import RIGHTS


class Service(StrEnum):
    """The five services."""

    INTAKE = "intake"
    MATCHING = "matching"
    NOTIFICATIONS = "notifications"
    FOLLOWUP = "followup"
    STREAMS = "streams"


class RightsState(Payload):
    """One person's request. Its id tells nothing about her."""

    stream = RIGHTS

    request_id: str
    participant_id: str
    requested_at: datetime

    @property
    def subject(self) -> str:
        """The request."""
        return self.request_id


class ExportRequested(RightsState, name="export.requested"):
    """She asked for all data about her. Each service seals its part to the key of this one request."""

    public_key: str = Field(
        default="",
        description="X25519, base64. Parts are sealed to it: HPKE (RFC 9180), base mode, "
        "HKDF-SHA256, ChaCha20-Poly1305, info = the request's id.",
    )


class ErasureCause(StrEnum):
    """Why somebody is forgotten."""

    OWN_WISH = "own_wish"
    RETENTION = "retention"
    RESTORED = "restored"


class ErasureRequested(RightsState, name="erasure.requested"):
    """She is to be forgotten, by every service."""

    because: ErasureCause = Field(
        default=ErasureCause.OWN_WISH,
        description="Her wish; the programme's policy; or a backup that had brought her back.",
    )


class ExportReady(RightsState, name="export.ready"):
    """All parts have come: she is told where to fetch them. They are deleted at `until`."""

    until: datetime


class ErasureFinished(RightsState, name="erasure.finished"):
    """Every service has forgotten her."""

    records: int = Field(ge=0, description="How many records were erased, in all services.")


class DoneState(RightsState):
    """A service's report. Subject is the request and the service, since several write."""

    is_answer = True

    service: Service
    records: int = Field(ge=0, description="How many records were exported or erased.")

    @property
    def subject(self) -> str:
        """Each service counts its own reports."""
        return f"{self.request_id}.{self.service}"

    @property
    def partition_key(self) -> str:
        """All about one request stays in order."""
        return self.request_id


class ExportDone(DoneState, name="export.done"):
    """This service's part of the export, in one or several pieces, each an event of its own."""

    piece: int = Field(default=1, ge=1)
    pieces: int = Field(default=1, ge=1)
    sealed: str = Field(
        default="", description="The piece, base64. Unreadable once the request's key is deleted."
    )


class ErasureDone(DoneState, name="erasure.done"):
    """This service has forgotten her."""
