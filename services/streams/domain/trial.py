"""The event that an integrator has sent to herself to see whether her endpoint works. Pure."""

import json
from datetime import datetime
from typing import Final

from services.streams.domain.integration import INTEGRATION_PREFIX
from services.streams.domain.projection import SOURCE
from shared.events.wire import CONTENT_TYPE, SPEC_VERSION, rfc3339

TRIAL: Final = f"{INTEGRATION_PREFIX}webhook.tested.v1"


def trial_event(event_id: str, programme: str, now: datetime) -> bytes:
    """A CloudEvent like any other, about nobody and without a position."""
    event = {
        "specversion": SPEC_VERSION,
        "id": event_id,
        "type": TRIAL,
        "source": f"{SOURCE}/webhooks",
        "time": rfc3339(now),
        "datacontenttype": CONTENT_TYPE,
        "programme": programme,
        "data": {"programme": programme},
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
