"""The commands that make again what the page shows."""

import hashlib
import os
import shlex
from collections.abc import Sequence

import yaml

from gan_lightning.commands.trust import trust_option
from gan_lightning.core.configurable import class_paths
from gan_lightning.core.errors import UserError
from gan_lightning.data.class_names import class_number
from gan_lightning.runs.checkpoint import Checkpoint

DIGEST_DIGITS = 6
"""Of the hexadecimal digest in a name."""


class Again:
    """Writes commands for a checkpoint, with paths as they were given to `gan explore`, and for its working folder.

    Each command writes into a folder of its own, `again-` and a digest of the command.

    Args:
        checkpoint: The checkpoint.
        class_names: The names of its classes; empty if they have none.
        tuned: The file that changes its generator, if there is one.
    """

    def __init__(self, checkpoint: Checkpoint, class_names: Sequence[str], tuned: str | None = None) -> None:
        self.path, self.class_names = str(checkpoint.path), class_names
        self.tuned = [] if tuned is None else ["--tuned", tuned]
        self.trust = shlex.split(trust_option(class_paths(checkpoint.arguments.get("generator"))))

    def predict(self, seed: int, label: int | None) -> str:
        """The sample of a seed."""
        labels = [] if label is None else ["--samples.labels", self.class_word(label)]
        count = ["--samples.first_seed", str(seed), "--samples.count", "1"]
        return self.command("predict", [self.path], *count, *labels, folder="--samples.folder")

    def walk_between(self, seeds: Sequence[int], label: int | None, psi: float, steps: int) -> str:
        """A way between seeds."""
        labels = [] if label is None else ["--labels", self.class_word(label)]
        truncation = [] if psi == 1 else ["--truncation", "TowardsMean", "--truncation.psi", f"{psi:g}"]
        seeds_words = [str(seed) for seed in seeds]
        return self.walk("--seeds", *seeds_words, *labels, *truncation, "--steps", str(steps))

    def walk_through(self, file: str, steps: int) -> str:
        """A way through latents in a file; a single one is a single image."""
        return self.walk("--latents", file, "--steps", str(steps))

    def walk(self, *words: str) -> str:
        return self.command("walk", [self.path], *words)

    def invert(self, picture: str, label: int | None, starts: int, tune: int) -> str:
        """A picture found again, and the generator tuned to it in so many steps."""
        labels = [] if label is None else ["--labels", self.class_word(label)]
        tuning = ["--tune", str(tune)] if tune else []
        return self.command("invert", [picture, "--ckpt_path", self.path], *labels, "--starts", str(starts), *tuning)

    def complete(self, picture: str, mask: str, label: int | None, count: int, starts: int, seed: int) -> str:
        """A picture completed."""
        labels = [] if label is None else ["--labels", self.class_word(label)]
        asked = ["--mask", mask, *labels, "--count", str(count), "--starts", str(starts), "--seed", str(seed)]
        return self.command("complete", [picture, "--ckpt_path", self.path], *asked)

    def command(self, verb: str, subject: Sequence[str], *words: str, folder: str = "--folder") -> str:
        asked = [verb, *subject, *words, *self.tuned]
        return shlex.join(["gan", *asked, folder, own_name("again", os.fsencode(" ".join(asked))), *self.trust])

    def class_word(self, label: int) -> str:
        """Returns what a command takes for a class: its name, or its number where the name would be read otherwise."""
        words = [*self.class_names[label : label + 1], str(label)]
        return next((word for word in words if names_class(word, label, self.class_names)), words[-1])


def own_name(stem: str, content: bytes, suffix: str = "") -> str:
    """Returns a name that tells contents apart, so that a second file does not replace the first."""
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]}{suffix}"


def names_class(word: str, label: int, class_names: Sequence[str]) -> bool:
    """Whether a word on the command line means a class."""
    try:
        read = yaml.safe_load(word)
        return isinstance(read, (int, str)) and read != "all" and class_number(read, class_names) == label
    except (UserError, yaml.YAMLError):
        return False
