"""The local mail server reports what nobody takes, and keeps the clock until that is noted."""

import asyncio
from pathlib import Path

import httpx
import pytest
from aiosmtpd.smtp import Envelope

from deploy.local.mail_bounces import Returns
from deploy.local.mail_server import MailHandler
from deploy.local.mailbox import MailStore
from services.notifications.domain.bounces import read_bounce
from shared.clock import SystemClock

MAIL = b"Message-ID: <abc@network.example>\r\nSubject: Hej\r\n\r\nHej\r\n"


class Noted(Returns):
    """Takes a report at the third try: first it is away, then it does not know the message yet."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9/bounces", "key")
        object.__setattr__(self, "reports", [])

    async def hand_in(self, report: bytes) -> bool:
        reports: list[bytes] = self.reports  # type: ignore[attr-defined]
        reports.append(report)
        if len(reports) == 1:
            raise httpx.ConnectError("away")
        return len(reports) == 3


async def test_what_nobody_takes_is_reported_until_it_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.mail_server._HAND_IN_AFTER_S", (0.0, 0.0, 0.0, 0.0))
    returns = Noted()
    store = MailStore(tmp_path)
    handler = MailHandler(store, SystemClock(), returns)
    envelope = Envelope()
    envelope.mail_from = "bounce+her.tag@network.example"
    envelope.rcpt_tos = ["her@nobody-here.example", "him@somewhere.example"]
    envelope.content = MAIL
    answer = await handler.handle_DATA(None, None, envelope)  # type: ignore[arg-type]
    assert answer.startswith("250")
    assert handler.open == 1
    async with asyncio.timeout(10):
        await asyncio.gather(*handler._returning)
    assert handler.open == 0
    reports: list[bytes] = returns.reports  # type: ignore[attr-defined]
    assert len(reports) == 3
    bounce = read_bounce(reports[-1])
    assert bounce is not None
    assert bounce.is_final
    assert bounce.came_back_to == ("bounce+her.tag@network.example",)
    assert bounce.message_ids == ("abc@network.example",)
    assert b"her@nobody-here.example" in reports[-1]
    store.close()
