"""The books: what the stores and topics say at the end, checked against each other.

An auditor of its own: it reads every database and every topic with the engine's own credentials, and
uses nothing that a service or the simulation says of itself. Only for local runs and tests.
"""

from deploy.local.books.audit import CHECK_IN_KINDS, Books, audit

__all__ = ["CHECK_IN_KINDS", "Books", "audit"]
