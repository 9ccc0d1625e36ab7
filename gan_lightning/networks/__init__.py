"""The players, one file a family."""

from gan_lightning.networks.batch_norm import SharedBatchNorm, share_batch_norm
from gan_lightning.networks.contract import Discriminator, Generator, ImageShape, check_finite, check_images
from gan_lightning.networks.mlp import MLPDiscriminator, MLPGenerator

__all__ = [
    "Discriminator",
    "Generator",
    "ImageShape",
    "MLPDiscriminator",
    "MLPGenerator",
    "SharedBatchNorm",
    "check_finite",
    "check_images",
    "share_batch_norm",
]
