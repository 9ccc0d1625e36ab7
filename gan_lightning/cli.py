"""The `gan` command. This file stays light: `gan --help` must not wait for torch."""

import argparse
import signal
import sys
from collections.abc import Sequence

COMMANDS = {
    "fit": "train a GAN, a VAE or a VAE-GAN",
    "predict": "make samples from a checkpoint",
    "validate": "say how good a checkpoint's samples are, compared with held-out images",
    "test": "the same for a report, compared with images set apart for tests",
}

CTRL_C = 130
"""The status with which a command ends that was interrupted."""

EXAMPLES = """\
examples:
  gan fit --config configs/digits.yaml                     real digits, no download
  gan fit --config configs/mnist.yaml                      MNIST, downloaded once
  gan fit --config configs/vae.yaml                        a VAE, with the same networks
  gan fit --data ImageFolder --data.root my_images         images of your own
  gan predict --ckpt_path lightning_logs/version_0/checkpoints/last.ckpt --samples.count 64
  gan test --ckpt_path last                                how good its samples are

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
        from gan_lightning import commands  # torch and Lightning take seconds to import

        commands.run(command, arguments[1:])
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
        description="Trains, samples and explores generative adversarial networks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gan-lightning {version('gan-lightning')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser
