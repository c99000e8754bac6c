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
    """She asked for all data about her."""


class ErasureRequested(RightsState, name="erasure.requested"):
    """She asked to be forgotten."""


class DoneState(RightsState):
    """A service's report. Subject is the request and the service, since several write."""

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
    """This service's part of the export is ready."""


class ErasureDone(DoneState, name="erasure.done"):
    """This service has forgotten her."""
