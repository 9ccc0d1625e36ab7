"""What every model of this package shares: it makes images, and the averaged generator makes them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from gan_lightning.averaging import AverageGenerator
from gan_lightning.learner import Learner
from gan_lightning.networks import Generator
from gan_lightning.sampling import in_full_precision, labels_of, latents, traversed
from gan_lightning.turns import Turn


class Model(Learner):
    """What makes images from latents. A subclass sets `players` and says what one iteration is.

    Args:
        words: All arguments of the subclass, from which a checkpoint makes it again.
        generator: Makes the images.
        average_decay: Decay of the moving average of the generator that makes every sample.
        seed: Fixes all that is drawn in training, which also depends on the iteration and the process.
    """

    def __init__(self, words: dict[str, Any], generator: Generator, average_decay: float, seed: int) -> None:
        super().__init__(words, generator.image_shape, generator.classes, seed)
        self.generator = generator
        self.average_generator = AverageGenerator(generator, average_decay)

    def shares(self, minibatch: Sequence[Tensor], turn: Turn) -> Iterator[tuple[Tensor, ...]]:
        """The minibatch, with fresh latents, in the parts in which the player takes it."""
        x, y = minibatch
        return self.parts((x, y, self.normal(len(x), self.generator.latent_dim)), turn)

    def finish(self, iteration: int) -> None:
        """What ends every iteration: the averaged generator takes the new one in, learning rates move on."""
        self.average_generator.update(self.generator, iteration)
        super().finish(iteration)

    @torch.no_grad()
    def sample(self, seeds: Iterable[int], labels: Iterable[int] | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] of the averaged generator; the image of a seed does not depend on the others.

        Args:
            seeds: Whole numbers from 0 to 4294967295, one for each image.
            labels: The class of each image, for a generator that was made for classes; without them the classes take
                turns, seed by seed.

        Raises:
            UserError: A seed or a label is out of range.
        """
        seeds = list(seeds)
        return self.made_of(latents(seeds, self.generator.latent_dim), seeds, labels)

    @torch.no_grad()
    def traverse(
        self, seed: int, coordinates: Sequence[int], values: Sequence[float], label: int | None = None
    ) -> Tensor:
        """Images (N, C, H, W) of a sample in which one coordinate of the latent takes each of the values in turn.

        Args:
            seed: The sample.
            coordinates: Of the latent, from 0; for each, one row of images.
            values: One image of each row; the latents are standard normal.
            label: The sample's class, for a generator that was made for classes; without it, as in `sample`.

        Raises:
            UserError: The latent has no such coordinate.
        """
        z = traversed(latents([seed], self.generator.latent_dim)[0], coordinates, values)
        return self.made_of(z, [seed] * len(z), None if label is None else [label] * len(z))

    def made_of(self, z: Tensor, seeds: Sequence[int], labels: Iterable[int] | None) -> Tensor:
        """What the averaged generator makes of latents (N, latent_dim)."""
        weight = next(self.average_generator.parameters(), z)
        y = labels_of(seeds, labels, self.generator.classes)
        return self.average_generator(z.to(weight), y.to(weight.device)).clamp(-1, 1)

    def on_predict_start(self) -> None:
        in_full_precision(self.average_generator)

    def predict_step(self, batch: Any, batch_idx: int = 0) -> Tensor:
        """Images (N, C, H, W) in [-1, 1], float32, of the seeds (N,), or of (seeds, labels)."""
        seeds, labels = batch if isinstance(batch, (list, tuple)) else (batch, None)
        return self.sample(seeds.tolist(), None if labels is None else labels.tolist()).float()

    def on_predict_end(self) -> None:
        self.average_generator.to(self.dtype)
