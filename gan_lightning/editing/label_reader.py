"""A network that tells the class of an image from its visible part, and has seen nothing but samples of the model."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.seeding import mix
from gan_lightning.editing.walk import Model

READER = 103
"""The purpose of its random stream."""

READ_TOGETHER, READER_RATE = 128, 2e-3
"""Samples an iteration, and the learning rate, which falls to zero."""


class LabelReader(nn.Module):
    """Maps images (N, C, H, W), zero where they are missing, to logits (N, classes).

    Args:
        channels: C.
        side: The smaller of H and W.
        classes: Number of classes.
    """

    def __init__(self, channels: int, side: int, classes: int) -> None:
        super().__init__()
        widths = [channels, 24, 48, 96][: 4 if side >= 64 else 3]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.ReLU(), nn.BatchNorm2d(after)]
        head = [
            nn.AdaptiveAvgPool2d(7),
            nn.Flatten(),
            nn.Linear(49 * widths[-1], 128),
            nn.ReLU(),
            nn.Linear(128, classes),
        ]
        self.layers = nn.Sequential(*layers, *head)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def trained_reader(
    model: Model, missing: Tensor, image_shape: tuple[int, ...], latent_dim: int, classes: int, samples: int, seed: int
) -> LabelReader:
    """Trains a reader on samples of the model, each seen once, with these holes.

    The class that it gives is p(label | what is known) under the model: inference learnt from draws of the joint
    distribution. Papamakarios and Murray, "Fast epsilon-free inference of simulation models with Bayesian conditional
    density estimation", 2016. https://arxiv.org/abs/1605.06376

    Args:
        model: Makes images of latents (n, latent_dim) and labels (n,).
        missing: Holes (M, 1, H, W) bool; each sample has one of them.
        image_shape: C, H, W.
        latent_dim: Length of a latent.
        classes: Number of classes.
        samples: Number of samples.
        seed: Fixes the samples and the weights. They are none of `model.sample`.
    """
    draw = torch.Generator().manual_seed(mix(READER, seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(mix(READER, seed))
        reader = LabelReader(image_shape[0], min(image_shape[1:]), classes).to(missing.device)
    steps = max(1, samples // READ_TOGETHER)
    optimizer = torch.optim.Adam(reader.parameters(), lr=READER_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    with torch.enable_grad():
        for _ in range(steps):
            z = torch.randn(READ_TOGETHER, latent_dim, generator=draw).to(missing.device)
            y, holes = (torch.randint(k, (len(z),), generator=draw).to(z.device) for k in (classes, len(missing)))
            with torch.no_grad():
                x = model(z, y).float().masked_fill(missing[holes], 0)
            optimizer.zero_grad()
            F.cross_entropy(reader(x), y).backward()
            optimizer.step()
            schedule.step()
    return reader.eval().requires_grad_(False)
