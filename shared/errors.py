"""The exceptions of the platform, all in one tree.

CommonGroundError
├── SettingsInvalid        a setting is missing or wrong: the process does not start
├── EventUnreadable        a record that is not one of our events: parked, never retried
├── LeaseLost              another instance took over: what was being written was not
├── OutboxFull             Kafka is away and the bound on unsent events is reached: 503
└── StillContended         a document changed under us more often than we retry

Refusals that a person or program can mend are not exceptions but values: see `shared.decisions`.
"""


class CommonGroundError(Exception):
    """Any error that the platform raises itself."""


class SettingsInvalid(CommonGroundError):
    """A setting is missing or wrong. The message names it and says what it may be."""


class EventUnreadable(CommonGroundError):
    """A record that cannot be read as an event of the contract. The message never quotes its data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LeaseLost(CommonGroundError):
    """The lease is held by another instance now, so nothing of the transaction was written."""


class OutboxFull(CommonGroundError):
    """Too many events wait to be published; new work is refused until Kafka is back."""


class StreamUndeclared(CommonGroundError):
    """An aggregate sent an event of a stream that its kind does not name: a mistake in the program."""


class StillContended(CommonGroundError):
    """A document kept changing under a write, more often than we retry."""
