"""The recipes that benchmarks/translation.py trains and compares."""

import argparse
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from translation_judges import (
    EMOJI,
    judge_colour,
    judge_digits,
    judge_emoji,
    judge_holes,
    judge_super_resolution,
)

from gan_lightning import Translator


class Recipe(NamedTuple):
    """What is trained.

    Args:
        config: A file in configs/.
        iterations: Of training.
        options: That differ from the config.
        start: The recipe of the same row whose weights it starts from.
        terms: The terms of its loss, of the feature network that a recipe of the same row has learnt, and that recipe.
    """

    config: str
    iterations: int
    options: Mapping[str, Any] = MappingProxyType({})
    start: str | None = None
    terms: tuple[Callable[[str], list[dict[str, Any]]], str] | None = None


class Row(NamedTuple):
    """Recipes that are compared.

    Args:
        title: Of the table.
        data: Options of the data.
        recipes: By name.
        judge: Returns the scores of results that were made in several ways, by the options and the models, by name.
    """

    title: str
    data: Callable[[argparse.Namespace], dict[str, Any]]
    recipes: dict[str, Recipe]
    judge: Callable[[argparse.Namespace, dict[str, Translator], int], dict[str, dict[str, float]]]


def cifar10(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "data": "ImageFolder",
        "data.root": options.cifar10[0],
        "data.image_size": 32,
        "data.held_out": 0.02,
        "data.batch_size": 16,
    }


ALONE = {"model.discriminator": None}
"""Options of a recipe of pixels alone."""

FASTER = {
    "model.generator_optimization.optimizer.lr": 0.0005,
    "model.discriminator_optimization.optimizer.lr": 0.0005,
}
"""For few iterations."""

SHALLOW = {"model.generator.halvings": 3}
"""Down to 4x4 of 32x32, as colour.yaml does of 64x64."""

DIGITS = {**FASTER, "model.discriminator.condition_channels": 2}

EXTRACTOR = {
    "data.batch_size": 128,
    "data.mirror": True,
    "model.network.classes": 10,
    "model.network.width": 32,
}
"""A feature network of colour images, trained with their labels."""

QUICK = {"model.generator_optimization.optimizer.lr": 0.001}
"""Without a discriminator."""


def to_zero(*players: str) -> dict[str, Any]:
    fall = {"class_path": "Cosine", "init_args": {"end": 0.00001}}
    return {"model.schedules": {f"{player}_optimization.optimizer.lr": fall for player in players}}


TO_ZERO, ALONE_TO_ZERO = to_zero("generator", "discriminator"), to_zero("generator")


def features_of(network: str, weight: float, layers: list[float] | None = None) -> dict[str, Any]:
    backbone = {"class_path": "LearntBackbone", "init_args": {"network": network}}
    return {"class_path": "Perceptual", "init_args": {"weight": weight, "layers": layers, "backbone": backbone}}


def shallow_features(network: str) -> list[dict[str, Any]]:
    return [l1_of(10.0), features_of(network, 10.0)]


def deep_features(network: str) -> list[dict[str, Any]]:
    return [l1_of(3.0), features_of(network, 50.0, [0.0, 0.0, 1.0])]


def deep_features_beside_a_game(network: str) -> list[dict[str, Any]]:
    return [l1_of(0.3), features_of(network, 40.0, [0.0, 0.0, 1.0])]


def l1_of(weight: float) -> dict[str, Any]:
    return {"class_path": "L1", "init_args": {"weight": weight}}


def halves_by(perceptual: float) -> list[dict[str, Any]]:
    """Returns the terms for halves of digits; features are those of a network that is no judge."""
    return [
        {"class_path": "L1", "init_args": {"weight": 20.0, "region": "missing"}},
        features_of("SecondMNIST", perceptual),
    ]


ROWS = {
    "super_resolution": Row(
        "Super-resolution x4, BSDS500",
        lambda options: {"data.root": f"{options.photos}/train", "data.held_out": 0.05},
        {
            "pixels": Recipe("super_resolution.yaml", 10000),
            "adversarial": Recipe("super_resolution_gan.yaml", 2000, start="pixels"),
        },
        judge_super_resolution,
    ),
    "inpainting": Row(
        "Inpainting, CIFAR-10",
        cifar10,
        {
            "pixels": Recipe("inpainting.yaml", 3000, {**ALONE, "model.generator_optimization.optimizer.lr": 0.0005}),
            "adversarial": Recipe("inpainting.yaml", 4000, FASTER),
        },
        judge_holes,
    ),
    "digits": Row(
        "Halves of digits, MNIST",
        lambda options: {"data": "MNIST", "data.root": options.mnist, "data.batch_size": 16,
                         "model.degradation.shape": "half", "model.generator.input_channels": 2},
        {
            "pixels": Recipe("inpainting.yaml", 3000, {**ALONE, "model.generator_optimization.optimizer.lr": 0.0005}),
            "adversarial": Recipe("inpainting.yaml", 9000, {**DIGITS, "model.terms": halves_by(10.0)}),
            "annealed": Recipe(
                "inpainting.yaml", 5000, {**DIGITS, **TO_ZERO, "model.terms": halves_by(30.0)}, start="adversarial"
            ),
        },
        judge_digits,
    ),
    "colour": Row(
        "Colour, CIFAR-10",
        cifar10,
        {
            "pixels": Recipe(
                "colour.yaml", 3000, {**SHALLOW, **ALONE, "model.generator_optimization.optimizer.lr": 0.0005}
            ),
            "extractor": Recipe("extractor.yaml", 2300, EXTRACTOR),
            "all features": Recipe(
                "colour.yaml", 3000, {**SHALLOW, **ALONE, **QUICK}, terms=(shallow_features, "extractor")
            ),
            "deep features": Recipe(
                "colour.yaml",
                13000,
                {**SHALLOW, **ALONE, **QUICK, **ALONE_TO_ZERO},
                start="all features",
                terms=(deep_features, "extractor"),
            ),
            "adversarial": Recipe(
                "colour.yaml",
                5000,
                {**SHALLOW, **FASTER, **TO_ZERO, "model.adversarial_weight": 6.0},
                start="deep features",
                terms=(deep_features_beside_a_game, "extractor"),
            ),
        },
        judge_colour,
    ),
    "emoji": Row(
        "Edges to emoji",
        lambda options: {f"data.{key}": value for key, value in {"root": options.emoji, **EMOJI}.items()},
        {
            "pixels": Recipe(
                "sketch.yaml", 2500, {**ALONE, "model.generator_optimization.optimizer.lr": 0.0005}
            ),
            "adversarial": Recipe("sketch_gan.yaml", 2000, start="pixels"),
        },
        judge_emoji,
    ),
}  # fmt: skip
