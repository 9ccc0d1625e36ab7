"""The checkpoint that a command opens, and the user's own classes that it may name."""

import argparse
from collections.abc import Iterable, Sequence

import yaml

from gan_lightning.commands.own_code import import_own
from gan_lightning.commands.parser import Parser
from gan_lightning.commands.paths import expanded
from gan_lightning.core.errors import UserError
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.locate import find_checkpoint


def add_checkpoint_options(parser: Parser, required: bool = True) -> None:
    """Adds the options for the checkpoint to open, and for what it may name."""
    parser.add_argument(
        "--ckpt_path",
        type=str if required else str | None,
        required=required,
        help="A checkpoint file, a run's folder, or last or best: that checkpoint of the newest run in lightning_logs.",
    )
    parser.add_argument(
        "--trust",
        type=list[str] | str,
        default=[],
        help="Classes of your own that the checkpoint names, as module.Class. Their modules are imported; a checkpoint "
        "cannot import anything by itself.",
    )


def add_tuned_option(parser: Parser) -> None:
    """Adds the option for a change of the checkpoint's generator."""
    parser.add_argument(
        "--tuned",
        type=str | None,
        default=None,
        help="A tuned.safetensors that gan invert --tune wrote with this checkpoint: how it changes the generator.",
    )


def asked(arguments: Sequence[str], option: str) -> str | None:
    """Returns the last value of an option among arguments that are not parsed yet."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument(option, dest="value")
    value = first.parse_known_args(arguments)[0].value
    return value if isinstance(value, str) else None  # argparse makes a list of --option=--


def open_checkpoint(ckpt_path: str) -> Checkpoint:
    """Opens the checkpoint given by a file, a folder, `last` or `best`."""
    path = expanded(ckpt_path, "ckpt_path")
    return Checkpoint(find_checkpoint(path) or path)


def import_trusted(arguments: Sequence[str]) -> None:
    """Imports the modules of the classes that the user trusts, before a checkpoint looks anything up.

    Raises:
        UserError: There is no such class.
    """
    text = asked(arguments, "--trust") or "[]"
    try:
        words = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"trust is {text}, which names no classes: write module.Class") from error
    for class_path in words if isinstance(words, list) else [words]:
        module, _, name = str(class_path).rpartition(".")
        try:
            getattr(import_own(module), name)
        except (ImportError, ValueError, AttributeError) as error:
            raise UserError(f"trust names {class_path}, but {error}: write module.Class") from error


def trust_option(class_paths: Iterable[str]) -> str:
    """Returns the --trust option that commands need for these classes; empty if all are of this package or of torch."""
    own = [path for path in dict.fromkeys(class_paths) if path.split(".")[0] not in ("gan_lightning", "torch")]
    return f" --trust {own[0]}" if len(own) == 1 else f' --trust "[{", ".join(own)}]"' if own else ""
