"""Runs a command, and reports what is wrong in one line."""

import errno
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from lightning.fabric.utilities.exceptions import MisconfigurationException

from gan_lightning.commands.complete import write_completions
from gan_lightning.commands.directions import find_directions
from gan_lightning.commands.evaluate import evaluate
from gan_lightning.commands.explore import explore
from gan_lightning.commands.fit import fit
from gan_lightning.commands.invert import find_again
from gan_lightning.commands.predict import predict
from gan_lightning.commands.walk import film_walk
from gan_lightning.core.distributed import follows
from gan_lightning.core.errors import TrainingError, UserError, printable

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The error numbers of a full disk."""

LOST = ("Connection closed by peer", "Connection reset by peer", "NCCL communicator was aborted")
"""Messages of gloo and NCCL about a process that has ended."""

HANDLERS = {
    "fit": fit,
    "predict": predict,
    "invert": find_again,
    "complete": write_completions,
    "walk": film_walk,
    "directions": find_directions,
    "explore": explore,
    "validate": evaluate,
    "test": evaluate,
}


def run(command: str, arguments: Sequence[str]) -> None:
    """Runs a command. A user's mistake ends it with one line and status 2.

    Args:
        command: One of `HANDLERS`.
        arguments: The arguments after the command.
    """
    quieten()
    try:
        HANDLERS[command](command, arguments)
    except TrainingError as error:
        if follows():  # all processes know; one reports it
            sys.exit(0)
        end(command, str(error))
    except (UserError, MisconfigurationException) as error:
        end(command, str(error))
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            end(command, f"there can be no file {str(error.filename)[:60]}…: its name is too long")
        if error.errno not in FULL:
            raise
        where = f" for {error.filename}" if error.filename else " where the run is written"
        end(command, f"{error.strerror}{where}: make room, then resume with --ckpt_path last")
    except RuntimeError as error:
        if not any(words in str(error) for words in LOST):
            raise
        end(command, "another process of this training has ended: see its output; resume with --ckpt_path last")


def end(command: str, message: str) -> NoReturn:
    """Prints what is wrong, in one line, and exits."""
    print(f"gan {command}: {' '.join(printable(message).split())}", file=sys.stderr)
    sys.exit(2)


def without_full_disks(hook: Callable) -> Callable:
    """Silences what threads report about a full disk (TensorBoard writes in one), as the command reports it itself."""

    def without(thread: Any) -> None:
        if not (isinstance(thread.exc_value, OSError) and thread.exc_value.errno in FULL):
            hook(thread)

    return without


def quieten() -> None:
    """Keeps Lightning's advertisements and its advice on other programs out of the output."""
    threading.excepthook = without_full_disks(threading.__excepthook__)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    for message in (
        r".*isinstance\(treespec, LeafSpec\)",  # Lightning 2.6.6 with torch 2.15
        r".*does not have many workers",
        r"This DataLoader will create",
        r".*smaller than the logging interval",
        r"Experiment logs directory .* exists",  # two loggers share the run's folder
        r"Checkpoint directory .* exists",
        r"Using ModelCheckpoint with manual optimization",  # it would save the state before the step
    ):
        warnings.filterwarnings("ignore", message=message)
