"""`python -m services.followup` runs the service."""

from services.followup.app import make_app
from services.followup.settings import Settings
from shared.runtime import run

if __name__ == "__main__":
    settings = Settings()
    run(make_app(settings), settings)
