"""`python -m services.streams` runs the service; with a command it asks a running platform: `… --help`."""

from services.streams.command_line import cli

if __name__ == "__main__":
    cli()
