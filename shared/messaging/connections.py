"""Connections to Kafka under uvloop: one that was reset is a broken connection, and no more than that.

asyncio's own loop lets one write to a connection that is closed, and aiokafka counts on it: it catches
`OSError` only. uvloop raises `RuntimeError` there, which ends the consumer's coordinator for good, and so
with one reset of all connections every consumer of the process stood still until it was restarted.
"""

from typing import Any

from aiokafka import conn
from aiokafka.errors import KafkaConnectionError


class Connection(conn.AIOKafkaConnection):  # type: ignore[misc]
    """Looks whether the connection is still there before each request."""

    def send(self, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002  (theirs)
        """As the original. Raises `KafkaConnectionError`, which every caller retries."""
        self._must_be_open()
        return super().send(request, expect_response)

    def _send_sasl_token(self, payload: bytes, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002
        self._must_be_open()
        return super()._send_sasl_token(payload, expect_response)

    def _must_be_open(self) -> None:
        if self._writer is not None and self._writer.transport.is_closing():
            self.close(reason=conn.CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"The connection to {self.host}:{self.port} was closed.")


def use_safe_connections() -> None:
    """From now on aiokafka makes its connections of this kind, in this process."""
    conn.AIOKafkaConnection = Connection
