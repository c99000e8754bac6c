"""`python -m services.notifications` runs the service; `… table` prints who is told what."""

import sys

from services.notifications.app import make_app
from services.notifications.domain.table import as_markdown
from services.notifications.settings import Settings
from shared.runtime import run


def main() -> None:
    """Serves until SIGTERM, or prints the table."""
    if sys.argv[1:] == ["table"]:
        print("\n".join(as_markdown()))
        return
    settings = Settings()
    run(make_app(settings), settings)


if __name__ == "__main__":
    main()
