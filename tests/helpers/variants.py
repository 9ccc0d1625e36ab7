"""Every way to play the game that is to be tested: what is added to the package is found here by itself."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_args, get_origin, get_type_hints

import torch

from gan_lightning import GAN, VAE, VAEGAN, CycleTranslator, FeatureLearner, Translator
from gan_lightning.augmentation import ADA
from gan_lightning.commands.kinds import kinds
from gan_lightning.core.configurable import Configurable
from gan_lightning.core.discovery import subclasses
from gan_lightning.degradations import Given, Grey, Holes
from gan_lightning.networks import (
    DCGANDiscriminator,
    Discriminator,
    FeatureNetwork,
    Generator,
    ImageFeatures,
    ImageToImage,
    MLPDiscriminator,
    MLPGenerator,
    PatchDiscriminator,
    ResNetDiscriminator,
    ResNetGenerator,
    ResNetTranslator,
    SuperResolver,
    UNetGenerator,
)
from gan_lightning.penalties import R1, R2, LeCam, WeightClipping
from gan_lightning.terms import L1, Cycle, FeatureMatching, Identity, PatchNCE
from gan_lightning.training.alternating import AlternatingModule
from gan_lightning.training.optimization import Optimization
from gan_lightning.training.schedules import Cosine, Exponential, Linear, Power, Schedule
from helpers.tiny import SHAPE

SGD = partial(torch.optim.SGD, lr=0.05)
DECAY = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.9)
OPTIONS = Optimization(accumulation=2, gradient_clip=0.1, scheduler=DECAY)
TWO_STEPS: dict[str, Any] = {"discriminator_steps": 2}
SMALL: dict[str, Any] = {
    "latent_dim": 3,
    "hidden": [8, 8],
    "width": 4,
    "max_width": 8,
    "group": 4,
    "waves": 4,
    "blocks": 1,
}
"""Options of the package's networks that keep them small. (Laws of the game hold at any size.)"""

UNFIT = {Grey, Given}
"""Parts that `Blobs` do not suit: Grey takes colour, Given takes inputs, and they have none. (tests/models/
test_translator.py tries them.)"""


def parts_of_the_package(model: type[AlternatingModule]) -> dict[str, list[tuple[str, Callable[[], dict[str, Any]]]]]:
    """For each argument of a model that takes a part (or several), each class of that kind, by name, and its choice."""
    schedules = [cls for cls in subclasses(Schedule) if cls.__module__.startswith("gan_lightning")]
    found: dict[str, list] = {"schedules": [(cls.__name__, partial(following, model, cls)) for cls in schedules]}
    for name, hint in get_type_hints(model.__init__).items():
        if name == "schedules":
            continue
        several = inspect.isclass(get_origin(hint)) and issubclass(get_origin(hint), Sequence)
        kinds = [
            kind for kind in (get_args(hint) or [hint]) if inspect.isclass(kind) and issubclass(kind, Configurable)
        ]
        for cls in (cls for kind in kinds for cls in subclasses(kind)):
            if cls.__module__.startswith("gan_lightning") and not inspect.isabstract(cls) and cls not in UNFIT:
                found.setdefault(name, []).append((cls.__name__, partial(chosen, name, cls, several)))
    return found


def one_by_one() -> dict[str, Callable[[], dict[str, Any]]]:
    """A GAN with each part of the package, one at a time."""
    parts = parts_of_the_package(GAN).items()
    return {f"{name}={cls}": choice for name, choices in parts for cls, choice in choices}


def side_by_side(model: type[AlternatingModule]) -> dict[str, Callable[[], dict[str, Any]]]:
    """Another model with each part of the package at least once, as many at a time as it takes.

    A CycleTranslator plays as a Translator does, so only its terms are all tried.
    """
    parts = parts_of_the_package(model)
    found, choices = {}, parts.values()
    for i in range(len(parts["terms"]) if model is CycleTranslator else max(map(len, choices))):
        names, makers = zip(*(choice[i % len(choice)] for choice in choices), strict=True)
        found[f"{model.__name__} {' '.join(dict.fromkeys(names))}"] = partial(merged, model, makers)
    return found


def merged(model: type[AlternatingModule], makers: Sequence[Callable[[], dict[str, Any]]]) -> dict[str, Any]:
    return {"kind": model} | fitting({name: part for make in makers for name, part in make().items()})


def fitting(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a translator: a generator for its degradation, a discriminator for its terms, and so on."""
    if "backward_generator" in options:
        sides = ("generator", "backward_generator")
        return signs_told(options | {side: small(UNetGenerator) for side in sides if options[side].factor > 1})
    if "degradation" not in options:
        return options
    degradation, terms = options["degradation"], options["terms"]
    resolves = degradation.factor > 1
    cls = SuperResolver if resolves else UNetGenerator if (g := options["generator"]).factor > 1 else type(g)
    taken = {"factor": degradation.factor} if resolves else {"input_channels": degradation.channels(SHAPE[0])}
    judge = options["discriminator"]
    if any(term.compares_features for term in terms) and not judge.features_dim:
        judge = small(PatchDiscriminator)
    return signs_told(options | {"generator": small(cls, **taken), "discriminator": judge})


def signs_told(options: dict[str, Any]) -> dict[str, Any]:
    """The same, with an augmentation that does not adapt to signs, if logits have none."""
    if options["augmentation"].adapts and not options["objective"].signed:
        return options | {"augmentation": type(options["augmentation"])(speed=0, p=0.3)}
    return options


def chosen(name: str, cls: type, several: bool) -> dict[str, Any]:
    part = small(cls) if "image_shape" in inspect.signature(cls).parameters else cls(**OPTIONS_OF_PARTS.get(cls, {}))
    return {name: [part] if several else part}


OPTIONS_OF_PARTS: dict[type, dict[str, Any]] = {WeightClipping: {"limit": 0.1}, PatchNCE: {"width": 8}}
"""Where most weights are clipped to the same number, sums cancel to zero but for rounding, and a ReLU there has either
slope: too little to compare gradients. What PatchNCE learns is made small."""


def following(model: type[AlternatingModule], cls: type) -> dict[str, Any]:
    """A schedule of the learning rate of each player."""
    players = [name for name, hint in get_type_hints(model.__init__).items() if hint is Optimization]
    return {"schedules": {f"{name}.optimizer.lr": cls(end=1e-4) for name in players}}


def small(network: type, **options: Any) -> Any:
    """A network for `Blobs`, as small as its options allow."""
    known = inspect.signature(network).parameters
    return network(SHAPE, **{key: value for key, value in SMALL.items() if key in known}, **options)


def networks_with_classes() -> dict[str, Callable[[], dict[str, Any]]]:
    """Each network of the package that looks at labels, with labels."""
    found = {}
    for cls in (*subclasses(Generator), *subclasses(Discriminator)):
        if cls.__module__.startswith("gan_lightning") and "classes" in inspect.signature(cls).parameters:
            kind = "generator" if issubclass(cls, Generator) else "discriminator"
            found[f"{kind}={cls.__name__} with classes"] = partial(conditional, **{f"{kind}_class": cls})
    return found


def conditional(
    generator_class: type = MLPGenerator,
    discriminator_class: type = MLPDiscriminator,
    discriminator: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Two players that look at the 48 labels of `Blobs`."""
    return {
        "generator": small(generator_class, classes=48),
        "discriminator": small(discriminator_class, classes=48, **discriminator or {}),
    }


VARIANTS: dict[str, Callable[[], dict[str, Any]]] = {
    **one_by_one(),
    **{name: choice for kind in kinds().values() if kind is not GAN for name, choice in side_by_side(kind).items()},
    **networks_with_classes(),
    "auxiliary classifier": lambda: conditional(discriminator={"auxiliary_classifier": True}),
    "packs": lambda: {"discriminator": MLPDiscriminator(SHAPE, hidden=[8], packing=2), **TWO_STEPS},
    "minibatch stddev": lambda: {"discriminator": DCGANDiscriminator(SHAPE, width=4, minibatch_stddev=2)},
    "self-attention": lambda: {
        "generator": ResNetGenerator(SHAPE, 3, width=8, attention=4),
        "discriminator": ResNetDiscriminator(SHAPE, width=8, attention=2),
    },
    "spectral norm": lambda: {"discriminator": MLPDiscriminator(SHAPE, hidden=[8], spectral_norm=True), **TWO_STEPS},
    "adaptive augmentation": lambda: {"augmentation": ADA(speed=100, p=0.3), **TWO_STEPS},
    "two steps": lambda: TWO_STEPS,
    "lazy penalties": lambda: {"penalties": [R1(every=3), R2(1.0, every=2), R1(2.0)], **TWO_STEPS},
    "clipping": lambda: {
        "generator_optimization": Optimization(gradient_clip=0.1),
        "discriminator_optimization": Optimization(gradient_clip=0.1),
        **TWO_STEPS,
    },
    "accumulation": lambda: {
        "generator_optimization": Optimization(accumulation=4),
        "discriminator_optimization": Optimization(accumulation=2),
        **TWO_STEPS,
    },
    "schedulers": lambda: {
        "generator_optimization": Optimization(scheduler=DECAY),
        "discriminator_optimization": Optimization(scheduler=DECAY),
    },
    "schedules of the whole training": lambda: {
        "penalties": [R1(), R2(None)],
        "augmentation": ADA(speed=0),
        "average_half_life": 0.0,
        "schedules": {
            "generator_optimization.optimizer.lr": Power(power=0.7),
            "discriminator_optimization.optimizer.lr": Cosine(end=1e-5, images=80),
            "discriminator_optimization.optimizer.betas.1": Linear(end=0.99, iterations=3),
            "penalties.R1.weight": Cosine(),
            "penalties.R2.strength": Exponential(end=0.01),
            "augmentation.p": Cosine(end=0.5),
            "average_half_life": Linear(end=30.0),
        },
        **TWO_STEPS,
    },
    "one scheduler": lambda: {"generator_optimization": Optimization(scheduler=DECAY)},
    "no average": lambda: {"average_decay": 0.0},
    "SGD": lambda: {"generator_optimization": Optimization(SGD), "discriminator_optimization": Optimization(SGD)},
    "VAE free bits": lambda: {"kind": VAE, "free_bits": 1e-3, "beta": 4.0},
    "VAE options": lambda: {"kind": VAE, "autoencoder_optimization": OPTIONS},
    "VAE classes": lambda: {"kind": VAE, "generator": MLPGenerator(SHAPE, latent_dim=3, hidden=[8], classes=48)},
    "FeatureLearner without labels": lambda: {
        "kind": FeatureLearner,
        "network": FeatureNetwork(SHAPE, features=4, width=4),
        "network_optimization": OPTIONS,
    },
    "Translator of terms alone": lambda: {"kind": Translator, "generator_optimization": OPTIONS},
    "Translator options": lambda: {
        "kind": Translator,
        "generator": small(UNetGenerator, input_channels=2),
        "degradation": Holes(),
        "terms": [L1(10.0, region="missing"), FeatureMatching()],
        "discriminator": small(PatchDiscriminator, condition_channels=2, scales=2, halvings=1),
        "penalties": [R1(every=2)],
        "generator_optimization": OPTIONS,
        "discriminator_optimization": Optimization(accumulation=2),
    },
    "CycleTranslator options": lambda: {
        **two_ways(Cycle(), Identity(), PatchNCE(width=8, patches=5)),
        "penalties": [R1(every=2)],
        "pool": 0,
        "generator_optimization": OPTIONS,
        "discriminator_optimization": Optimization(accumulation=2),
    },
    "CycleTranslator full pool": lambda: {
        **two_ways(Cycle()),
        "penalties": [LeCam()],
        "pool": 3,
        "average_decay": 0.0,
    },
    "CycleTranslator one way": lambda: {
        "kind": CycleTranslator,
        "generator": small(UNetGenerator),
        "discriminator": small(PatchDiscriminator, halvings=1),
        "terms": [PatchNCE(width=8, images="both", mirrored=0.5)],
        "pool": 3,
    },
    "VAEGAN options": lambda: {"kind": VAEGAN, "encoder_optimization": OPTIONS},
}


def two_ways(*terms: Any) -> dict[str, Any]:
    """A CycleTranslator with both directions."""
    generators = {key: small(ResNetTranslator) for key in ("generator", "backward_generator")}
    judges = {key: small(PatchDiscriminator, halvings=1) for key in ("discriminator", "backward_discriminator")}
    return {"kind": CycleTranslator, "terms": terms, **generators, **judges}


FEW = [
    *(([name for name in VARIANTS if name.startswith(f"{kind} ")] or ["two steps"])[-1] for kind in kinds()),
    *("generator=ResNetGenerator with classes", "discriminator=DCGANDiscriminator", "penalties=LeCam", "packs"),
    *("spectral norm", "adaptive augmentation", "lazy penalties", "accumulation", "one scheduler", "SGD"),
    "schedules of the whole training",
]
"""The ways to play that differ most: each kind of model, and each way to keep something from one iteration to the next.
Slow laws are tried with these every time, and with all of `VARIANTS` by `pytest -m long`."""


def play(name: str, **options: Any) -> Any:
    """A tiny model of this variant, the same at every call."""
    torch.manual_seed(0)
    options = VARIANTS[name]() | options
    return tiny(options.pop("kind", GAN), **options)


def tiny(model: type[AlternatingModule], **options: Any) -> Any:
    """A model with dense networks of a few hundred parameters, the same at every call."""
    torch.manual_seed(0)
    hints = get_type_hints(model.__init__).items()
    makers = {
        Generator: partial(MLPGenerator, latent_dim=3, hidden=[8]),
        Discriminator: partial(MLPDiscriminator, hidden=[8]),
        ImageFeatures: partial(FeatureNetwork, classes=48, features=4, width=4),
        ImageToImage: lambda _: small(UNetGenerator if model is CycleTranslator else SuperResolver),
    }
    players = {name: makers[hint](SHAPE) for name, hint in hints if hint in makers}
    return model(**{**players, **options})
