"""The presets of published methods: every constant is that of the paper, and every schedule its closed form."""

from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gan_lightning import GAN
from gan_lightning.augmentation import ADA
from gan_lightning.networks import R3GANDiscriminator, R3GANGenerator
from gan_lightning.penalties import R1, R2
from gan_lightning.training import schedules
from gan_lightning.training.optimization import Optimization
from gan_lightning.training.settings import scheduled

CONFIGS = Path(__file__).parents[1] / "configs"

R3GAN: dict[str, dict[str, Any]] = {
    "r3gan_cifar10": {"batch": 512, "gamma": (0.05, 0.005), "half_life": 5_000_000, "p": 0.55, "classes": 10},
    "r3gan_ffhq64": {"batch": 256, "gamma": (2.0, 0.2), "half_life": 500_000, "p": 0.3, "classes": 0},
    "r3gan_ffhq256": {"batch": 256, "gamma": (150.0, 15.0), "half_life": 500_000, "p": 0.3, "classes": 0},
}
"""Huang et al., 2024, and the authors' presets. Half-lives are in images."""

LEFT = {0.0: 1.0, 0.4: (3 + 5**0.5) / 8, 0.8: (3 - 5**0.5) / 8, 1.0: 0.0, 1.6: 0.0}
"""(1 + cos(pi s)) / 2 for shares s of 20 million images; cos(pi / 5) = (1 + sqrt(5)) / 4."""


def words(name: str) -> dict[str, Any]:
    return yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())


def model_of(name: str) -> GAN:
    """The model of a config, with networks of its classes that are as small as can be."""
    given = words(name)["model"]
    made = {path: getattr(schedules, s["class_path"])(**s["init_args"]) for path, s in given["schedules"].items()}
    classes = given["generator"]["init_args"].get("classes", 0)
    small: dict[str, Any] = {"width": 8, "max_width": 8, "blocks": 1, "classes": classes}
    options = given["generator_optimization"]["optimizer"]["init_args"]
    return GAN(
        R3GANGenerator((3, 8, 8), **small),
        R3GANDiscriminator((3, 8, 8), **small),
        penalties=[kind(**p["init_args"]) for kind, p in zip((R1, R2), given["penalties"], strict=True)],
        augmentation=ADA(**given["augmentation"]["init_args"]),
        generator_optimization=Optimization(partial(torch.optim.Adam, **options)),
        discriminator_optimization=Optimization(partial(torch.optim.Adam, **options)),
        average_half_life=given["average_half_life"],
        schedules=made,
    )


@pytest.mark.parametrize("name", R3GAN)
def test_the_five_schedules_of_r3gan_are_their_closed_forms(name):
    """Learning rate, beta2, gamma, half-life and probability of augmentation, to 1e-12, and what comes of them."""
    model, published = model_of(name), R3GAN[name]
    factories = {player: one.optimization.optimizer for player, one in model.players.items()}
    optimizers = {player: factories[player](one.network.parameters()) for player, one in model.players.items()}
    follow = scheduled(model.schedules, model.settings(optimizers, factories), length=lambda key: 0)
    model.batch_images = published["batch"]
    first, last = published["gamma"]
    for share, left in LEFT.items():
        iteration = ceil(share * 20_000_000 / published["batch"])
        values = {path: one.follow(iteration, published["batch"]) for path, one in follow.items()}
        rate, beta, gamma = 5e-5 + 1.5e-4 * left, 0.99 - 0.09 * left, last + (first - last) * left
        half_life, p = published["half_life"] * (1 - left), published["p"] * (1 - left)
        for player, optimizer in optimizers.items():
            assert optimizer.param_groups[0]["lr"] == pytest.approx(rate, rel=1e-12), player
            assert optimizer.param_groups[0]["betas"] == pytest.approx((0.0, beta), rel=1e-12), player
        assert [penalty.weight for penalty in model.penalties] == pytest.approx([gamma] * 2, rel=1e-12)
        assert model.average_half_life == pytest.approx(half_life, rel=1e-12, abs=1e-9)
        assert model.decay == pytest.approx(0.5 ** (published["batch"] / half_life) if half_life else 0.0, rel=1e-12)
        assert values["augmentation.p"] == pytest.approx(p, rel=1e-12, abs=1e-15)
        assert isinstance(model.augmentation, ADA)
        assert model.augmentation.p.item() == pytest.approx(p, rel=1e-6)


def test_half_lives_that_are_worked_out_by_hand():
    """At the end, an iteration of CIFAR-10's preset keeps 0.5^(512 / 5,000,000), one of FFHQ's 0.5^(256 / 500,000)."""
    for name, decay in {"r3gan_cifar10": 0.9999290242, "r3gan_ffhq64": 0.9996451716}.items():
        model = model_of(name)
        model.average_half_life, model.batch_images = R3GAN[name]["half_life"], R3GAN[name]["batch"]
        assert model.decay == pytest.approx(decay, abs=1e-10)


@pytest.mark.parametrize("name", R3GAN)
def test_the_presets_of_r3gan_have_the_published_sizes_and_batches(name):
    given, published = words(name), R3GAN[name]
    counts = {"r3gan_cifar10": (20_781_952, 21_280_512), "r3gan_ffhq64": (22_429_824, 22_381_440)}
    counts |= {"r3gan_ffhq256": (23_057_952, 23_009_568)}
    data, model = given["data"]["init_args"], given["model"]
    shape = (3, data["image_size"], data["image_size"])
    with torch.device("meta"):
        networks = [
            R3GANGenerator(shape, **model["generator"]["init_args"]),
            R3GANDiscriminator(shape, **model["discriminator"]["init_args"]),
        ]
    assert tuple(sum(p.numel() for p in network.parameters()) for network in networks) == counts[name]
    assert data["batch_size"] == published["batch"]
    assert data["mirror"] is True
    assert given["trainer"]["max_steps"] == -(-20_000_000 // published["batch"])
    assert all(network.classes == published["classes"] for network in networks)
    assert model["objective"] == "RelativisticPaired"
    assert [penalty["class_path"] for penalty in model["penalties"]] == ["R1", "R2"]
    assert model["generator_optimization"] == model["discriminator_optimization"]
