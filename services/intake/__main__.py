"""`python -m services.intake` runs the service; `… import FILE` brings a spreadsheet in."""

from services.intake.command_line import cli

if __name__ == "__main__":
    cli()
