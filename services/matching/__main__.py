"""`python -m services.matching` runs the service; `… replay` lives a recorded history again."""

from services.matching.command_line import cli

if __name__ == "__main__":
    cli()
