"""A municipality's receiver of webhooks: verifies each message, keeps each event once, answers quickly.

    WEBHOOK_SECRET=whsec_… python -m deploy.examples.webhook_receiver

While the secret is being replaced: both, with a space between. EVENTS names the database's file, PORT the
port. Behind it belongs whatever gives it TLS.
"""

import os
import sqlite3
from collections.abc import Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from standardwebhooks import Webhook, WebhookVerificationError

webhooks = [Webhook(secret) for secret in os.environ["WEBHOOK_SECRET"].split()]
events = sqlite3.connect(os.environ.get("EVENTS", "events.db"), isolation_level=None)
events.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, type TEXT, event TEXT)")
app = FastAPI()


def verified(body: bytes, headers: Mapping[str, str]) -> Any:
    """The event, if one of our secrets fits. A copy of an old message does not, nor does a changed one."""
    for webhook in webhooks:
        try:
            return webhook.verify(body, dict(headers))
        except WebhookVerificationError:
            continue
    raise HTTPException(401, "No signature fits.")


@app.post("/hooks")
async def receive(request: Request) -> Response:
    """Keeps the event; 204 says that it need not come again, and anything else that it must."""
    body = await request.body()
    event = verified(body, request.headers)
    row = (event["id"], event["type"], body.decode())
    if events.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", row).rowcount:
        print(
            event["type"], event.get("subject", ""), flush=True
        )  # here something is done about it
    return Response(status_code=204)


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8080")), log_level="warning")
