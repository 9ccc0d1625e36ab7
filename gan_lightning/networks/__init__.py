"""The networks, one file per family; contract.py is their interface. Networks in here are found automatically."""

from typing import TYPE_CHECKING, Any

from gan_lightning.core.discovery import classes
from gan_lightning.networks.contract import Discriminator as Discriminator
from gan_lightning.networks.contract import DiscriminatorOutput as DiscriminatorOutput
from gan_lightning.networks.contract import Generator as Generator
from gan_lightning.networks.contract import ImageFeatures as ImageFeatures
from gan_lightning.networks.contract import ImageShape as ImageShape
from gan_lightning.networks.contract import ImageToImage as ImageToImage

if TYPE_CHECKING:  # for editors; networks that are not listed are found, too
    from gan_lightning.networks.dcgan import DCGANDiscriminator as DCGANDiscriminator
    from gan_lightning.networks.dcgan import DCGANGenerator as DCGANGenerator
    from gan_lightning.networks.fastgan import FastGANGenerator as FastGANGenerator
    from gan_lightning.networks.features import FeatureNetwork as FeatureNetwork
    from gan_lightning.networks.fourier import FourierDiscriminator as FourierDiscriminator
    from gan_lightning.networks.lenet import LeNetFeatures as LeNetFeatures
    from gan_lightning.networks.mlp import MLPDiscriminator as MLPDiscriminator
    from gan_lightning.networks.mlp import MLPGenerator as MLPGenerator
    from gan_lightning.networks.patch import PatchDiscriminator as PatchDiscriminator
    from gan_lightning.networks.projected import ProjectedDiscriminator as ProjectedDiscriminator
    from gan_lightning.networks.pyramid import PyramidDiscriminator as PyramidDiscriminator
    from gan_lightning.networks.pyramid import PyramidGenerator as PyramidGenerator
    from gan_lightning.networks.r3gan import R3GANDiscriminator as R3GANDiscriminator
    from gan_lightning.networks.r3gan import R3GANGenerator as R3GANGenerator
    from gan_lightning.networks.resnet import ResNetDiscriminator as ResNetDiscriminator
    from gan_lightning.networks.resnet import ResNetGenerator as ResNetGenerator
    from gan_lightning.networks.resnet_translator import ResNetTranslator as ResNetTranslator
    from gan_lightning.networks.subpixel import SubPixelDiscriminator as SubPixelDiscriminator
    from gan_lightning.networks.subpixel import SubPixelGenerator as SubPixelGenerator
    from gan_lightning.networks.super_resolver import SuperResolver as SuperResolver
    from gan_lightning.networks.unet import UNetGenerator as UNetGenerator
    from gan_lightning.networks.unet_discriminator import UNetDiscriminator as UNetDiscriminator

    def __getattr__(name: str) -> Any: ...


globals().update(classes(__name__, Generator, Discriminator, ImageFeatures, ImageToImage))
