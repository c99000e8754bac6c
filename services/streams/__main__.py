"""`python -m services.streams` runs the service."""

from services.streams.app import make_app
from services.streams.settings import Settings
from shared.runtime import run

if __name__ == "__main__":
    settings = Settings()
    run(make_app(settings), settings)
