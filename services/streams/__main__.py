"""`python -m services.streams` runs the service; `… integrators` looks after grants and keys."""

from services.streams.command_line import cli

if __name__ == "__main__":
    cli()
