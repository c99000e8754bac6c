"""What can go wrong with an engine.

EngineError
├── ClusterTooLarge   this engine cannot run so many brokers or nodes
├── NodeDied          a process of the engine ended while it was needed
├── NodeNotReady      a process runs but did not become usable in time
└── PortTaken         another process took the port first: the engine tries others
"""

from shared.errors import CommonGroundError


class EngineError(CommonGroundError):
    """An engine cannot do what was asked of it. The message says what to do next."""


class ClusterTooLarge(EngineError):
    """This engine has no cluster of that size."""


class NodeDied(EngineError):
    """A process of an engine ended while it was needed."""


class NodeNotReady(EngineError):
    """A process of an engine runs, but did not become usable in time."""


class PortTaken(EngineError):
    """Another process listens on the port that was chosen."""
