"""The `gan` command. This file stays light: `gan --help` must not wait for torch."""

import argparse
import signal
import sys
from collections.abc import Sequence

from gan_lightning.commands import configs

COMMANDS = {
    "fit": "train a GAN, a VAE or a VAE-GAN",
    "predict": "make samples from a checkpoint",
    "test": "evaluate samples: compare them with real images set apart for tests, for a report",
    "validate": "the same with held-out images, while choices are still open",
    "configs": "list the configs that come with the package, or copy one out",
}

CTRL_C = 130
"""The status with which a command ends that was interrupted."""

EXAMPLES = """\
examples:
  gan fit --config digits                      a GAN on real digits, no download
  gan fit --config mnist                       MNIST, downloaded once
  gan fit --config vae                         a VAE, with the same networks
  gan fit my_images                            images of your own
  gan predict --ckpt_path last                 samples of the newest run
  gan test --ckpt_path last                    how good its samples are

`gan COMMAND --help` lists every option of a command.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the `gan` command.

    Args:
        arguments: Its arguments; those of the process if None.
    """
    alone = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = outline().parse_args(arguments[:1] or ["--help"]).command
        if command == "configs":
            configs.configs(arguments[1:])
            return
        from gan_lightning.commands.run import run  # torch and Lightning take seconds to import

        run(command, arguments[1:])
    except (KeyboardInterrupt, SystemExit) as end:
        if alone:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # another Ctrl-C would come in the middle of the exit
        if isinstance(end, KeyboardInterrupt) or isinstance(end.__context__, KeyboardInterrupt):
            sys.exit(CTRL_C)  # Lightning would say 1
        raise


def outline() -> argparse.ArgumentParser:
    """The commands, without their options."""
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
