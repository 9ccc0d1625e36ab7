"""The base class of generative models: a generator that makes images from latents, and its moving average."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_lightning.core import checkpoint_files
from gan_lightning.core.blueprint import built
from gan_lightning.core.configurable import rebuild
from gan_lightning.core.errors import UserError
from gan_lightning.editing.completion import Completed, complete
from gan_lightning.editing.inversion import Inverted, invert
from gan_lightning.editing.label_reader import LabelReader, trained_reader
from gan_lightning.editing.starts import check_same_kind
from gan_lightning.models.averaged import AveragedModule
from gan_lightning.models.sampling import in_full_precision, labels_of, latents, traversed
from gan_lightning.networks import Generator
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.training.update import Update


class GenerativeModel(AveragedModule):
    """A model that makes images from latents. A subclass sets `players` and defines one iteration.

    The averaged generator makes every sample; `model(z)` calls it, too.

    Args:
        generator: Makes the images.
        average_decay: Decay of the moving average of the generator.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.
        average_half_life: Images after which the past weighs half in that average, in place of the decay.
    """

    def __init__(
        self, generator: Generator, average_decay: float, seed: int, average_half_life: float | None = None
    ) -> None:
        super().__init__(generator.image_shape, generator.classes, average_decay, seed, average_half_life)
        self.generator = generator
        self.average_generator = self.averaged(generator)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Returns images (N, C, H, W) in [-1, 1] that the averaged generator makes from latents.

        Args:
            z: Latents (N, latent_dim), standard normal.
            y: Labels (N,) int64, for a model that was trained with labels.

        Raises:
            UserError: The model needs labels, and there are none.
        """
        if self.classes and y is None:
            raise UserError(f"this model was trained with {self.classes} classes: pass labels, model(z, y)")
        return self.average_generator(z, y).clamp(-1, 1)

    # ---- training -------------------------------------------------------------------------------------------------

    def microbatches(self, minibatch: Sequence[Tensor], update: Update) -> Iterator[tuple[Tensor, ...]]:
        """Yields images, labels and fresh latents of a minibatch, in the microbatches of this update."""
        x, y = minibatch
        return self.split((x, y, self.normal(len(x), self.generator.latent_dim)), update)

    # ---- sampling -------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(self, seeds: Iterable[int], labels: Iterable[int] | None = None) -> Tensor:
        """Returns images (N, C, H, W) in [-1, 1] of the averaged generator; each depends on its seed and label alone.

        Args:
            seeds: Whole numbers from 0 to 4294967295, one for each image.
            labels: The class of each image, for a model with classes. Without labels, the classes alternate from seed
                to seed.

        Raises:
            UserError: A seed or a label is out of range.
        """
        seeds = list(seeds)
        return self.images(latents(seeds, self.generator.latent_dim), seeds, labels)

    @torch.no_grad()
    def traverse(
        self, seed: int, coordinates: Sequence[int], values: Sequence[float], label: int | None = None
    ) -> Tensor:
        """Returns images (N, C, H, W) of a sample as one coordinate of its latent takes each of the values in turn.

        Args:
            seed: The seed of the sample.
            coordinates: Coordinates of the latent, from 0; each makes a row of images.
            values: The values of the coordinate, one for each image of a row; latents are standard normal.
            label: The class of the sample, for a model with classes. If None, as in `sample`.

        Raises:
            UserError: The latent has no such coordinate.
        """
        z = traversed(latents([seed], self.generator.latent_dim)[0], coordinates, values)
        return self.images(z, [seed] * len(z), None if label is None else [label] * len(z))

    def invert(self, images: Tensor, labels: Tensor | None = None, **options: Any) -> Inverted:
        """Finds the most likely latents of images.

        Args:
            images: (N, C, H, W) in [-1, 1].
            labels: The class of each image, (N,) int64, for a model with classes. If None, it is inferred.
            options: Of `gan_lightning.editing.inversion.invert`, such as `noise`, `starts` and `seed`.

        Raises:
            UserError: Images or labels do not fit the model.
        """
        check_same_kind(images, self.image_shape)
        images = images.to(next(self.average_generator.parameters(), images))
        return invert(self, images, self.generator.latent_dim, self.generator.classes, labels, **options)

    def complete(self, images: Tensor, mask: Tensor, labels: Tensor | None = None, **options: Any) -> Completed:
        """Makes up what is missing in images.

        Args:
            images: (N, C, H, W) in [-1, 1].
            mask: (H, W) or (N, H, W) bool, true where images are missing.
            labels: The class of each image, (N,) int64, for a model with classes. If None, it is inferred.
            options: Of `gan_lightning.editing.completion.complete`, such as `count`, `noise` and `seed`.

        Raises:
            UserError: Images, mask or labels do not fit each other or the model.
        """
        check_same_kind(images, self.image_shape)
        images = images.to(next(self.average_generator.parameters(), images))
        return complete(self, images, mask, self.generator.latent_dim, self.generator.classes, labels, **options)

    def label_reader(self, mask: Tensor, samples: int = 60_000, seed: int = 0) -> LabelReader:
        """Trains a network on samples with a hole to tell their class: a `reader` for `complete`.

        Args:
            mask: (H, W) or (M, H, W) bool, true where images are missing.
            samples: Number of samples.
            seed: Fixes the samples and the weights.
        """
        holes = mask.reshape(-1, 1, *self.image_shape[1:]).to(self.device)
        sizes = self.generator.latent_dim, self.generator.classes
        return trained_reader(self, holes, self.image_shape, *sizes, samples, seed)

    def images(self, z: Tensor, seeds: Sequence[int], labels: Iterable[int] | None) -> Tensor:
        """Returns the averaged generator's images of latents (N, latent_dim) on the CPU, with these labels."""
        weight = next(self.average_generator.parameters(), z)
        y = labels_of(seeds, labels, self.generator.classes)
        return self(z.to(weight), y.to(weight.device))

    def on_predict_start(self) -> None:
        in_full_precision(self.average_generator)

    def predict_step(self, batch: Any, batch_idx: int = 0) -> Tensor:
        """Returns images (N, C, H, W) in [-1, 1], float32, for seeds (N,) or (seeds, labels)."""
        seeds, labels = batch if isinstance(batch, (list, tuple)) else (batch, None)
        return self.sample(seeds.tolist(), None if labels is None else labels.tolist()).float()

    def on_predict_end(self) -> None:
        self.average_generator.to(self.dtype)

    @classmethod
    def sampler_from_checkpoint(cls, checkpoint: str | Path | Checkpoint) -> "GenerativeModel":
        """Rebuilds only the generator and its average, so that no other class of the checkpoint is needed.

        Args:
            checkpoint: A local file. Nothing in it is executed, and nothing is imported for it.

        Raises:
            UserError: The file is missing, damaged, holds code, makes no samples, or its generator's class is not
                loaded.
        """
        found = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)
        translates = bool({"degradation", "backward_generator"} & {*found.arguments})
        if "generator" not in found.arguments or translates:
            kind = str(found.content.get("kind")).rpartition(".")[2]
            translate = "name images to translate with --images FOLDER, or " if translates else ""
            raise UserError(
                f"{found.path} holds a {kind}, which makes no samples: {translate}use the checkpoint of a GAN or VAE"
            )
        words, own = found.arguments["generator"], ("generator.", "average_generator.")
        state = {name: tensor for name, tensor in found.content["state_dict"].items() if str(name).startswith(own)}
        return built(
            lambda: GenerativeModel(rebuild(words), average_decay=0.0, seed=0),
            state,
            found.path,
            checkpoint_files.origin(found.content),
        )
