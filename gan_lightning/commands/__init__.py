"""What the commands do, one file each."""

import logging
import sys
import warnings
from collections.abc import Sequence

from lightning.fabric.utilities.exceptions import MisconfigurationException

from gan_lightning.commands.fit import fit
from gan_lightning.commands.judge import judge
from gan_lightning.commands.predict import predict
from gan_lightning.errors import UserError

COMMANDS = {"fit": fit, "predict": predict, "validate": judge, "test": judge}


def run(command: str, arguments: Sequence[str]) -> None:
    """Runs a command. A user's mistake ends it with one line and status 2.

    Args:
        command: fit, predict, validate or test.
        arguments: What follows the command.
    """
    quieten()
    try:
        COMMANDS[command](command, arguments)
    except (UserError, MisconfigurationException) as error:
        print(f"gan {command}: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)


def quieten() -> None:
    """Keeps Lightning's advertisements and its advice on other programs out of the output."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    for message in (
        r".*isinstance\(treespec, LeafSpec\)",  # Lightning 2.6.6 with torch 2.15
        r".*does not have many workers",
        r"This DataLoader will create",
        r".*smaller than the logging interval",
        r"Experiment logs directory .* exists",  # two loggers share the run's folder
        r"Checkpoint directory .* exists",
        r"Using ModelCheckpoint with manual optimization",  # it would have the state before the step
    ):
        warnings.filterwarnings("ignore", message=message)
