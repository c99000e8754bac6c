"""Whatever comes in, however wrong: nothing of it is in any log line of any service."""

import asyncio
import io
import json
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.engines import SERVICES, Engine
from shared.events.streams import CONTACTS, PARTICIPANTS
from tests.contract.test_events import a_registration, as_record
from tests.five import COORDINATOR, OPERATOR
from tests.fresh import Fresh

CANARY = "Zuleikha"
LINK = "eyJ6dWxlaWtoYSI6MX0"
WITHIN_S = 60.0
ROOT = Path(__file__).parents[3]


@dataclass
class Serving:
    """Five services in a process of their own, and what it has logged."""

    urls: dict[str, str]
    logged: Path

    def lines(self) -> list[str]:
        return self.logged.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def serving(embedded: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    Fresh().empty(embedded)
    logged = tmp_path_factory.mktemp("logs") / "stdout"
    mongodb = {service: embedded.mongodb_url(service) for service in SERVICES}
    with (
        logged.open("wb") as out,
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.integration.observability.serving",
                ",".join(embedded.addresses.kafka),
                json.dumps(mongodb),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("{"):
                break
        try:
            yield Serving(json.loads(line), logged)
        finally:
            process.stdin.close()
            process.wait(WITHIN_S)


def spoilt_workbook() -> bytes:
    """A workbook whose sheet is no XML."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as workbook:
        workbook.writestr("xl/worksheets/sheet1.xml", f"<sheet>{CANARY}")
    return made.getvalue()


def ask_wrongly(serving: Serving, programme: str) -> list[int]:
    """Requests that are wrong in every way that we know; returns their statuses."""
    intake, matching = serving.urls["intake"], serving.urls["matching"]
    followup, streams = serving.urls["followup"], serving.urls["streams"]
    people = f"{intake}/programmes/{programme}/participants"
    imports = f"{intake}/programmes/{programme}/imports"
    coordinator = {"Authorization": f"Bearer {COORDINATOR}"}
    operator = {"Authorization": f"Bearer {OPERATOR}"}
    csv = f"role,name,email,city\nmentee,{CANARY},{CANARY}@,{CANARY}\n\x00{CANARY}\n"
    with httpx.Client(timeout=30) as http:
        answers = [
            http.post(people, json={"name": CANARY, "email": CANARY, CANARY: CANARY}),
            http.post(people, json={"role": CANARY, "name": [CANARY], "story": {"a": CANARY}}),
            http.post(people, content=f'{{"name": "{CANARY}'.encode()),
            http.post(people, content=b"\xff\xfe" + CANARY.encode()),
            http.post(people, data={"name": CANARY, "email": f"{CANARY}@example.org"}),
            http.post(
                imports, headers=coordinator, files={"file": (f"{CANARY}.csv", csv.encode())}
            ),
            http.post(
                imports, headers=coordinator, files={"file": (f"{CANARY}.xlsx", spoilt_workbook())}
            ),
            http.get(f"{intake}/me", params={"token": LINK + CANARY}),
            http.get(f"{intake}/{CANARY}/{CANARY}"),
            http.patch(
                f"{intake}/me", headers={"Authorization": f"Bearer {LINK}"}, json={"x": CANARY}
            ),
            http.post(f"{matching}/answers", json={"token": LINK, "says_yes": CANARY}),
            http.get(f"{matching}/matches/{CANARY}", params={"token": LINK}),
            http.post(f"{followup}/help", data={"token": LINK, "text": CANARY}),
            http.post(f"{followup}/check-ins/answers", json={"token": LINK, "next_step": CANARY}),
            http.get(
                f"{streams}/journal", headers=operator, params={"type": CANARY, "after": CANARY}
            ),
            http.get(f"{streams}/journeys/{CANARY}", headers={"Authorization": f"Bearer {CANARY}"}),
        ]
    return [answer.status_code for answer in answers]


async def send_wrongly(servers: str) -> None:
    """Records that are no events, or none that make sense."""
    good = as_record(a_registration(participant_id=CANARY))
    headers = dict(good.headers)
    broken = [
        (f'{{"name": "{CANARY}"}}'.encode(), headers),
        (f'{{"name": "{CANARY}"'.encode(), headers),
        ((good.value or b"").replace(b'"mentee"', f'"{CANARY}"'.encode()), headers),
        (good.value, {**headers, "ce_subject": CANARY.encode()}),
        (good.value, {**headers, "ce_type": CANARY.encode()}),
        (good.value, {**headers, "ce_time": CANARY.encode()}),
        (
            good.value,
            {**headers, "traceparent": CANARY.encode(), "ce_id": b"\xff" + CANARY.encode()},
        ),
    ]
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for value, with_headers in broken:
            for stream in (PARTICIPANTS, CONTACTS):
                await producer.send_and_wait(
                    stream.name, value, key=CANARY.encode(), headers=list(with_headers.items())
                )


def test_nothing_of_what_came_in_wrongly_is_in_any_log_line(
    serving: Serving, embedded: Engine
) -> None:
    programme = f"p{uuid.uuid4().hex[:8]}"
    made = httpx.put(
        f"{serving.urls['intake']}/programmes/{programme}",
        headers={"Authorization": f"Bearer {OPERATOR}"},
        json={
            "name": "Network",
            "charters": [{"version": "2026-1"}],
            "cities": [{"code": "461", "name": "Odense", "region": "Syddanmark"}],
        },
        timeout=30,
    )
    assert made.status_code == 200, made.text

    statuses = ask_wrongly(serving, programme)
    asyncio.run(send_wrongly(",".join(embedded.addresses.kafka)))

    assert max(statuses) < 500
    deadline = time.monotonic() + WITHIN_S
    while sum("record_parked" in line for line in serving.lines()) < 14:
        assert time.monotonic() < deadline, "the records were not set aside"
        time.sleep(0.2)
    for line in serving.lines():
        told = json.loads(line)
        assert {"event", "level", "timestamp", "service"} <= set(told), line
        assert CANARY.lower() not in line.lower(), line
        assert LINK not in line, line
