"""The players, one file a family."""

from gan_lightning.networks.batch_norm import SharedBatchNorm, share_batch_norm
from gan_lightning.networks.contract import (
    Discriminator,
    Generator,
    ImageShape,
    Verdict,
    check_classes,
    check_finite,
    check_images,
    check_labels,
    naming,
    packed,
)
from gan_lightning.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_lightning.networks.features import FeatureNetwork
from gan_lightning.networks.fourier import FourierDiscriminator
from gan_lightning.networks.mlp import MLPDiscriminator, MLPGenerator
from gan_lightning.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from gan_lightning.networks.resnet import ResNetDiscriminator, ResNetGenerator
from gan_lightning.networks.subpixel import SubPixelDiscriminator, SubPixelGenerator

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "FeatureNetwork",
    "FourierDiscriminator",
    "Generator",
    "ImageShape",
    "MLPDiscriminator",
    "MLPGenerator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "SharedBatchNorm",
    "SubPixelDiscriminator",
    "SubPixelGenerator",
    "Verdict",
    "check_classes",
    "check_finite",
    "check_images",
    "check_labels",
    "naming",
    "packed",
    "share_batch_norm",
]
