
"""Pieces of a user's own."""

import torch
from lightning.pytorch import LightningDataModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gan_lightning import GAN
from gan_lightning.data import ImageData
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.networks import Generator
from gan_lightning.objectives import Objective
from gan_lightning.training.batch_checks import images_and_labels
from gan_lightning.training.optimization import Optimization, Player


class Flat(Generator):
    """One number for all pixels."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int = 2) -> None:
        super().__init__()
        self.image_shape, self.latent_dim, self.layer = image_shape, latent_dim, nn.Linear(latent_dim, 1)

    def forward(self, z, y=None):
        return self.layer(z).tanh()[:, :, None, None].expand(-1, *self.image_shape)


class Critic(Objective):
    """Wasserstein's."""

    def discriminator(self, real, fake):
        return (fake - real).mean()

    def generator(self, fake, real):
        return -fake.mean()


class Bars(ImageData):
    """Noise, 8x8."""

    def __init__(self, batch_size: int = 8, seed: int = 0, held_out: float = 0.0) -> None:
        super().__init__((1, 8, 8), batch_size, seed, held_out=held_out)

    def load(self):
        return TensorDataset(torch.randint(256, (80, 1, 8, 8)).byte(), torch.zeros(80).long())


class Plain(LightningDataModule):
    """A data module that knows nothing of this package."""

    def setup(self, stage):
        self.images = TensorDataset(torch.rand(32, 1, 8, 8) * 2 - 1)

    def train_dataloader(self):
        return DataLoader(self.images, 8)


class Louder(GAN):
    """A GAN with an option more.

    Args:
        volume: How loud.
    """

    def __init__(self, volume: float = 1.0, **options) -> None:
        super().__init__(**options)
        self.volume = volume


class Moments(GenerativeModel):
    """A generator that matches the mean image."""

    def __init__(self, generator: Generator, generator_optimization: Optimization = Optimization(), seed: int = 0) -> None:
        super().__init__(generator, 0.9, seed)
        self.players = {"generator": Player(generator, generator_optimization)}

    def training_step(self, batch, batch_idx):
        with self.update_of("generator") as update:
            for x, y, z in self.microbatches(images_and_labels(batch), update):
                update.backward(mean=(x.mean(0) - self.generator(z, y).mean(0)).square().mean())
        self.finish_iteration()
        self.log_at_steps(lambda: {"loss/mean": update.terms["mean"]})
