"""The five services as a process of its own, so that all that they log can be read.

    python -m tests.integration.observability.serving <kafka> <JSON: service to MongoDB URL>

Prints the services' addresses as JSON on standard error when they answer, and ends with its input.
"""

import json
import sys
from types import SimpleNamespace

from deploy.local.engines import SERVICES, Addresses
from tests.five import serve_five


def main() -> None:
    """Serves until standard input ends."""
    kafka, mongodb = sys.argv[1], json.loads(sys.argv[2])
    addresses = Addresses(kafka=(kafka,), mongodb_admin="", static_members=False)
    engine = SimpleNamespace(addresses=addresses, mongodb_url=mongodb.__getitem__)
    for five in serve_five(engine, SERVICES):
        sys.stderr.write(json.dumps(five.urls) + "\n")
        sys.stdin.read()


if __name__ == "__main__":
    main()
