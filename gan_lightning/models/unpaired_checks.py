"""Checks that the parts of a translator without pairs fit together."""

from collections.abc import Sequence

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import channels_in_words
from gan_lightning.networks import Discriminator, ImageToImage
from gan_lightning.terms import UnpairedTerm


def check_ways(
    generator: ImageToImage,
    discriminator: Discriminator,
    backward_generator: ImageToImage | None,
    backward_discriminator: Discriminator | None,
) -> None:
    """Refuses networks that do not translate between images of one shape, or one without its counterpart."""
    if (backward_generator is None) != (backward_discriminator is None):
        given, missing = "backward_generator", "backward_discriminator"
        given, missing = (given, missing) if backward_discriminator is None else (missing, given)
        raise UserError(f"there is model.{given}, but no model.{missing}: give both, or neither to translate A alone")
    generators = {"generator": generator, "backward_generator": backward_generator}
    for key, network in generators.items():
        if network is not None:
            check_keeps_shape(f"model.{key}", network)
    judges = {"discriminator": discriminator, "backward_discriminator": backward_discriminator}
    for key, judge in judges.items():
        if judge is not None:
            check_sees_images(f"model.{key}", judge, generator)


def check_keeps_shape(key: str, network: ImageToImage) -> None:
    """Refuses a generator that does not make images of the shape of its inputs."""
    name, channels = type(network).__name__, network.image_shape[0]
    if network.factor != 1:
        raise UserError(
            f"{key} is a {name}, which makes images {network.factor} times larger; translated ones stay as large as "
            "they are: choose another, such as ResNetTranslator"
        )
    if network.input_channels != channels:
        raise UserError(f"{key}.input_channels is {network.input_channels}, but images of both sides have "
                        f"{channels_in_words(channels)}: leave it out")  # fmt: skip


def check_sees_images(key: str, discriminator: Discriminator, generator: ImageToImage) -> None:
    """Refuses a discriminator that does not judge images one by one, of the generators' shape."""
    if tuple(generator.image_shape) != tuple(discriminator.image_shape):
        raise UserError(
            f"the generator makes images of {tuple(generator.image_shape)}, {key} takes "
            f"{tuple(discriminator.image_shape)}: give both the same image_shape"
        )
    unfit = {
        "packing": discriminator.packing > 1,
        "classes": discriminator.classes,
        "condition_channels": discriminator.condition_channels,
    }
    for option in (option for option, given in unfit.items() if given):
        raise UserError(f"{key}.{option} is not for a CycleTranslator, which judges images one by one, each by itself: "
                        "leave it out")  # fmt: skip


def check_terms(
    terms: Sequence[UnpairedTerm], generator: ImageToImage, backward_generator: ImageToImage | None
) -> None:
    """Refuses terms that miss something."""
    for term in terms:
        name = type(term).__name__
        if term.goes_back and backward_generator is None:
            raise UserError(f"{name} translates back, and there is no model.backward_generator: give one, and "
                            "model.backward_discriminator, or choose another term, such as PatchNCE")  # fmt: skip
        for network in (generator, backward_generator) if term.compares_maps else ():
            if network is not None and not network.map_channels:
                raise UserError(f"{name} compares features of the generator, and {type(network).__name__} has none: "
                                "choose another, such as ResNetTranslator")  # fmt: skip
