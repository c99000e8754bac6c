"""Every stream of the platform. Partitions and retention in Kafka itself: `deploy/topics.yaml`."""

from datetime import timedelta
from typing import Final

from shared.events.payload import Cleanup, Stream

PARTICIPANTS: Final = Stream(
    "participants",
    owner="intake",
    subject="participant",
    key="participant",
    meaning="Who takes part, with the profile that matching may see. Never names or contact data.",
    cleanup=Cleanup.COMPACT,
)
CONTACTS: Final = Stream(
    "contacts",
    owner="intake",
    subject="participant",
    key="participant",
    meaning="How to reach a person. Only notifications may read it; the journal never does.",
    cleanup=Cleanup.COMPACT,
)
PROGRAMMES: Final = Stream(
    "programmes",
    owner="intake",
    subject="programme",
    key="programme",
    meaning="Who runs a mentor network: policy, charter versions, cities, coordinators.",
    cleanup=Cleanup.COMPACT,
)
MATCHES: Final = Stream(
    "matches",
    owner="matching",
    subject="match",
    key="match",
    meaning="A match from proposal to end.",
)
POOL: Final = Stream(
    "pool",
    owner="matching",
    subject="participant or city",
    key="participant or city",
    meaning="Who still waits and why, and where mentors are missing.",
)
CHECK_INS: Final = Stream(
    "check-ins",
    owner="followup",
    subject="match",
    key="match",
    meaning="The questions to both sides of a mentorship, and its closing.",
)
CARE: Final = Stream(
    "care",
    owner="followup",
    subject="match",
    key="match",
    meaning="Where a coordinator is needed. Never granted outside.",
)
MESSAGES: Final = Stream(
    "messages",
    owner="notifications",
    subject="message",
    key="participant",
    meaning="That a message went out, failed or bounced: ids and kinds only, no text, no address.",
)
RIGHTS: Final = Stream(
    "rights",
    owner="intake",
    subject="request, or request and service",
    key="request",
    meaning="Requests for export and erasure, and each service's answer, sealed where it is data.",
    answered_by=("matching", "notifications", "followup", "streams"),
)
DEAD_LETTERS: Final = Stream(
    "dead-letters",
    owner="any",
    subject="record",
    key="as the original",
    meaning="Records that a consumer could not handle: as they came, with why, where and when.",
    retention=timedelta(days=90),
)

ALL_STREAMS: Final = (
    PARTICIPANTS,
    CONTACTS,
    PROGRAMMES,
    MATCHES,
    POOL,
    CHECK_INS,
    CARE,
    MESSAGES,
    RIGHTS,
    DEAD_LETTERS,
)
BY_NAME: Final = {stream.name: stream for stream in ALL_STREAMS}
