"""The `gan` command. It imports little, so that `gan --help` need not wait for torch."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from gan_lightning.commands import cache, configs, own_code  # noqa: F401  a process started by another needs own_code
from gan_lightning.commands.orphans import end_with_parent
from gan_lightning.commands.output import survive

COMMANDS = {
    "fit": "train a GAN, a VAE or a VAE-GAN",
    "predict": "make samples from a checkpoint",
    "invert": "find the latents of which a generator makes given images",
    "complete": "make up what is missing in an image, in several ways",
    "walk": "film a walk between samples, classes or inverted images",
    "directions": "find directions in latent space that change one thing, and edit images along them",
    "explore": "open a page for a browser: sliders, pictures found again and completed",
    "test": "evaluate samples against real images set apart for tests, for a report",
    "validate": "the same with held-out images, while you still make choices",
    "configs": "list the configs that come with the package, or copy one out",
    "cache": "show how much room decoded images take, or remove them",
}

LIGHT = {"cache": cache.cache, "configs": configs.configs}
"""The commands that need no torch."""

SYNONYMS = {"train": "fit", "sample": "predict", "generate": "predict", "evaluate": "test", "eval": "test"}
"""The names of commands in other programs."""

CTRL_C = 130
"""The exit status of an interrupted command."""

EXAMPLES = """\
examples:
  gan fit --config digits                      a GAN on real digits, no download
  gan fit --config mnist                       MNIST, downloaded once
  gan fit --config vae                         a VAE, with the same networks
  gan fit my_images                            images of your own, in a folder or a .zip; an hour
  gan predict last                             samples of the newest run
  gan test last                                how good its samples are

`gan COMMAND --help` lists every option of a command.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the `gan` command.

    Args:
        arguments: Its arguments; those of the process if None.
    """
    alone = arguments is None
    if alone:
        survive()
        end_with_parent()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        check_command(arguments)
        command = outline().parse_args(arguments[:1] or ["--help"]).command
        if command in LIGHT:
            LIGHT[command](arguments[1:])
            return
        check_folder_is_there(command)  # MKL cannot be loaded without one
        from gan_lightning.commands.run import run  # torch and Lightning take seconds to import

        run(command, arguments[1:])
    except (KeyboardInterrupt, SystemExit) as end:
        if alone:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # another Ctrl-C must not disturb the exit
        if isinstance(end, KeyboardInterrupt) or isinstance(end.__context__, KeyboardInterrupt):
            sys.exit(CTRL_C)  # Lightning would exit with 1
        raise


def check_folder_is_there(command: str) -> None:
    """Ends the process with one line if the working directory was deleted."""
    try:
        os.getcwd()
    except OSError:
        print(f"gan {command}: the working directory is gone: change to another folder", file=sys.stderr)
        sys.exit(2)


def check_command(arguments: Sequence[str]) -> None:
    """Ends the process with one line if there is no such command, or an option in its place."""
    name = arguments[0] if arguments else "--help"
    if name in COMMANDS or name in ("-h", "--help", "--version"):
        return
    near = [SYNONYMS[name]] if name in SYNONYMS else get_close_matches(name, COMMANDS, n=1)
    meant = f"did you mean gan {near[0]}?" if near else f"the commands are {', '.join(COMMANDS)}"
    wrong = "the command must come first" if name.startswith("-") else f"there is no command {name}"
    print(f"gan: {wrong}; {meant}", file=sys.stderr)
    sys.exit(2)


def outline() -> argparse.ArgumentParser:
    """Returns the parser of the commands, without their options."""
    from importlib.metadata import version

    parser = argparse.ArgumentParser(
        prog="gan",
        description="Trains, evaluates and samples generative adversarial networks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gan-lightning {version('gan-lightning')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser
