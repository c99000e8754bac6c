"""`python -m services.notifications` runs the service; `… table`, `… bounce` see below."""

from services.notifications.command_line import cli

if __name__ == "__main__":
    cli()
