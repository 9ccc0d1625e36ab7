"""The commands that make again what the page shows."""

import shlex
from collections.abc import Sequence

import yaml

from gan_lightning.commands.trust import trust_option
from gan_lightning.core.configurable import class_paths
from gan_lightning.core.errors import UserError
from gan_lightning.data.class_names import class_number
from gan_lightning.runs.checkpoint import Checkpoint


class Again:
    """Writes commands for a checkpoint, with paths as they were given to `gan explore`, and for its working folder.

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
        return self.command("predict", [self.path], *count, *labels, "--samples.folder", "again")

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
        return self.command("walk", [self.path], *words, "--folder", "again")

    def invert(self, picture: str, label: int | None, starts: int) -> str:
        """A picture found again."""
        labels = [] if label is None else ["--labels", self.class_word(label)]
        return self.command("invert", [picture, "--ckpt_path", self.path], *labels, "--starts", str(starts),
                            "--folder", "again")  # fmt: skip

    def complete(self, picture: str, mask: str, label: int | None, count: int, starts: int, seed: int) -> str:
        """A picture completed."""
        labels = [] if label is None else ["--labels", self.class_word(label)]
        asked = ["--mask", mask, *labels, "--count", str(count), "--starts", str(starts), "--seed", str(seed)]
        return self.command("complete", [picture, "--ckpt_path", self.path], *asked, "--folder", "again")

    def command(self, verb: str, subject: Sequence[str], *words: str) -> str:
        return shlex.join(["gan", verb, *subject, *words, *self.tuned, *self.trust])

    def class_word(self, label: int) -> str:
        """Returns what a command takes for a class: its name, or its number where the name would be read otherwise."""
        words = [*self.class_names[label : label + 1], str(label)]
        return next((word for word in words if names_class(word, label, self.class_names)), words[-1])


def names_class(word: str, label: int, class_names: Sequence[str]) -> bool:
    """Whether a word on the command line means a class."""
    try:
        read = yaml.safe_load(word)
        return isinstance(read, (int, str)) and read != "all" and class_number(read, class_names) == label
    except (UserError, yaml.YAMLError):
        return False
