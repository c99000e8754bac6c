"""Free loopback ports that stay ours for as long as the supervisor lives."""

import socket
import sys

LOOPBACK = "127.0.0.1"


class ReservedPort:
    """A port that the kernel chose (or `wanted`, where that is free), reserved for a child process.

    On Linux a socket that is bound with SO_REUSEADDR and does not listen keeps every other process
    from being given the port, while a child that sets SO_REUSEADDR (asyncio and uvloop do) may still
    bind and listen. So nobody takes the port between our choice and the child's start, nor while a
    child that died is started again. Other systems do not allow that: there the socket is closed at
    once, and a port that someone takes in between shows as a child that does not start.
    """

    def __init__(self, wanted: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._bind(wanted)
        except OSError:
            if not wanted:
                raise
            self._bind(0)
        self.number: int = self._socket.getsockname()[1]
        if sys.platform != "linux":
            self._socket.close()

    def _bind(self, port: int) -> None:
        if port:
            # With SO_REUSEADDR a bind succeeds beside another socket that is only reserved, and a
            # later listen() would then fail: ask first without it.
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.bind((LOOPBACK, port))
        self._socket.bind((LOOPBACK, port))

    def release(self) -> None:
        """Gives the port back."""
        self._socket.close()
