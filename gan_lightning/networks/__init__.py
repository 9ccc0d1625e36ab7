"""The players, one file a family."""

from gan_lightning.networks.contract import Discriminator, Generator, ImageShape, check_images
from gan_lightning.networks.mlp import MLPDiscriminator, MLPGenerator

__all__ = ["Discriminator", "Generator", "ImageShape", "MLPDiscriminator", "MLPGenerator", "check_images"]
