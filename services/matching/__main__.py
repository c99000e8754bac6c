"""`python -m services.matching` runs the service."""

from services.matching.app import make_app
from services.matching.settings import Settings
from shared.runtime import run

if __name__ == "__main__":
    settings = Settings()
    run(make_app(settings), settings)
