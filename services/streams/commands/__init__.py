"""Commands for operators: what was set aside, and the journal put to use again.

Exit status: 0 all is done; 1 refused, or the platform does not answer; 2 not understood; 3 done, and
something is left that needs a person. With `--json` the answer alone is on the standard output.
"""

from typing import Annotated, Final

import typer

SOMETHING_LEFT: Final = 3
KEY: Final = "OPERATOR_KEY"
"""The variable of the environment that holds an operator's key."""

DryRun = Annotated[bool, typer.Option(help="Say what would happen, and do nothing.")]
