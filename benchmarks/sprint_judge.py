"""A judge for benchmarks/sprint_search.py: 10,000 samples against MNIST's 10,000 test images.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/sprint_judge.py --data.root data

trains a small classifier once, on 50,000 of the training images (40 CPU-seconds), and prints what the other 10,000
score: the floor.
"""

import argparse
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from gan_lightning import GAN
from gan_lightning.data.images import scale
from gan_lightning.metrics import density_coverage, frechet
from gan_lightning.sampling import latents

CLASSIFIER = Path("sprint_classifier.pt")
SAMPLES, TRAINED_ON = 10_000, 50_000
EPOCHS, BATCH = 4, 125


class Classifier(nn.Module):
    """220,234 parameters; 64 features behind a ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(3136, 64), nn.ReLU()),
        )
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        return torch.cat([self.body(part) for part in x.split(500)])


class Judge(NamedTuple):
    """What `train` keeps.

    Args:
        classifier: Where the features come from.
        real: Features (10000, 64) of the test images.
    """

    classifier: Classifier
    real: Tensor

    def scores(self, features: Tensor) -> dict[str, float]:
        density, coverage = density_coverage(self.real, features, k=5)
        return {"frechet": frechet(self.real, features), "coverage": coverage, "density": density}


@cache
def judge() -> Judge:
    kept = torch.load(CLASSIFIER)
    classifier = Classifier().eval()
    classifier.load_state_dict(kept["classifier"])
    return Judge(classifier, kept["real"])


def judged(gan: GAN) -> dict[str, float]:
    """What the averaged generator's samples 0 to 9,999 score."""
    made = torch.cat([gan.average_generator(z) for z in latents(range(SAMPLES), gan.generator.latent_dim).split(500)])
    return judge().scores(judge().classifier.features(made.float().clamp(-1, 1)))


def images(root: str, train: bool) -> tuple[Tensor, Tensor]:
    files = torchvision.datasets.MNIST(root, train=train, download=True)
    return scale(files.data.unsqueeze(1)), torch.as_tensor(files.targets)


def train(root: str) -> None:
    torch.manual_seed(123)
    x, y = images(root, train=True)
    test, truth = images(root, train=False)
    kept, left_out = torch.randperm(len(x), generator=torch.Generator().manual_seed(7)).split(TRAINED_ON)
    network = Classifier().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    steps = EPOCHS * TRAINED_ON // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for batch in kept[torch.randperm(TRAINED_ON)].split(BATCH):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = F.cross_entropy(network(x[batch]).float(), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network = network.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    real = network.features(test)
    torch.save({"classifier": network.state_dict(), "real": real}, CLASSIFIER)
    accuracy = (network.head(real).argmax(1) == truth).float().mean().item()
    floor = {name: round(value, 3) for name, value in judge().scores(network.features(x[left_out])).items()}
    print(f"test accuracy {accuracy:.4f}; the floor, {len(left_out):,} training images that it has not seen: {floor}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data.root", dest="root", default="data")
    torch.set_num_threads(1)
    train(parser.parse_args().root)
