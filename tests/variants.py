"""Every way to play the game that is to be tested: what is added to the package is found here by itself."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_args, get_origin, get_type_hints

import torch
from conftest import SHAPE, tiny_gan

from gan_lightning import GAN
from gan_lightning.parts import Part, subclasses
from gan_lightning.penalties import R1, R2

SGD = partial(torch.optim.SGD, lr=0.05)
DECAY = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.9)
TWO_STEPS: dict[str, Any] = {"discriminator_steps": 2}


def parts_of_the_package() -> dict[str, Callable[[], dict[str, Any]]]:
    """For each argument of `GAN` that takes a part (or several), one choice for each class of that kind."""
    found = {}
    for name, hint in get_type_hints(GAN.__init__).items():
        several = inspect.isclass(get_origin(hint)) and issubclass(get_origin(hint), Sequence)
        kinds = [kind for kind in (get_args(hint) or [hint]) if inspect.isclass(kind) and issubclass(kind, Part)]
        for cls in (cls for kind in kinds for cls in subclasses(kind)):
            if cls.__module__.startswith("gan_lightning") and not inspect.isabstract(cls):
                found[f"{name}={cls.__name__}"] = partial(chosen, name, cls, several)
    return found


def chosen(name: str, cls: type, several: bool) -> dict[str, Any]:
    shaped = {"image_shape": SHAPE} if "image_shape" in inspect.signature(cls).parameters else {}
    return {name: [cls(**shaped)] if several else cls(**shaped)}


VARIANTS: dict[str, Callable[[], dict[str, Any]]] = {
    **parts_of_the_package(),
    "two steps": lambda: TWO_STEPS,
    "lazy penalties": lambda: {"penalties": [R1(every=3), R2(1.0, every=2), R1(2.0)], **TWO_STEPS},
    "clipping": lambda: {"generator_gradient_clip": 0.1, "discriminator_gradient_clip": 0.1, **TWO_STEPS},
    "accumulation": lambda: {"generator_accumulation": 4, "discriminator_accumulation": 2, **TWO_STEPS},
    "schedulers": lambda: {"generator_scheduler": DECAY, "discriminator_scheduler": DECAY},
    "one scheduler": lambda: {"generator_scheduler": DECAY},
    "no average": lambda: {"average_decay": 0.0},
    "SGD": lambda: {"generator_optimizer": SGD, "discriminator_optimizer": SGD},
}


def play(name: str, **options: Any) -> GAN:
    """A tiny GAN of this variant, the same at every call."""
    torch.manual_seed(0)
    return tiny_gan(**(VARIANTS[name]() | options))
