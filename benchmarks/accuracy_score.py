"""The classification accuracy score of conditional models on MNIST or folders of images, and the reverse.

    python benchmarks/accuracy_score.py lightning_logs/version_0/checkpoints/last.ckpt --root data
    python benchmarks/accuracy_score.py CKPT --train data/cifar10-train --test data/cifar10-test --samples 50000

A classifier is trained on 60,000 samples and their labels, and tested on the real test images (Ravuri and Vinyals,
"Classification accuracy score for conditional generative models", 2019, https://arxiv.org/abs/1905.10887). Beside it
stand the same classifier trained on the real training images, and what that one says of the samples' labels.
Classifiers take as many iterations on more samples (--samples): they see fewer of them twice.
"""

import argparse
import time
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import TensorDataset

from gan_lightning import GAN, FeatureLearner
from gan_lightning.commands.run import quieten
from gan_lightning.data import MNIST, ImageData, ImageFolder
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.networks import FeatureNetwork
from gan_lightning.training.optimization import Optimization

ITERATIONS, BLOCK = 1950, 500


class Given(ImageData):
    """These pixels (N, C, H, W) and labels (N,)."""

    def __init__(self, pixels: Tensor, labels: Tensor) -> None:
        channels, height, width = pixels.shape[1:]
        mirror = channels == 3  # photographs; digits would not be read
        super().__init__((channels, height, width), batch_size=128, classes=10, mirror=mirror)
        self.images = TensorDataset(pixels, labels)

    def load(self) -> TensorDataset:
        return self.images


def classifier(pixels: Tensor, labels: Tensor, seed: int) -> FeatureNetwork:
    """Trained on these images as configs/extractor.yaml does."""
    torch.manual_seed(seed)
    channels, height, width = pixels.shape[1:]
    network = FeatureNetwork((channels, height, width), classes=10)
    adam = partial(torch.optim.AdamW, lr=0.002, weight_decay=0.05, fused=True)
    fall = partial(CosineAnnealingLR, T_max=ITERATIONS)
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(max_steps=ITERATIONS, enable_model_summary=False, accelerator="cpu", **quiet)
    trainer.fit(
        FeatureLearner(
            network,
            network_optimization=Optimization(adam, fall),
            seed=seed,
        ),
        Given(pixels, labels),
    )
    return network.eval()


@torch.no_grad()
def accuracy(network: FeatureNetwork, pixels: Tensor, labels: Tensor) -> float:
    blocks = zip(pixels.split(BLOCK), labels.split(BLOCK), strict=True)
    right = [network.scores(network(x.float() / 127.5 - 1)).argmax(1) == y for x, y in blocks]
    return torch.cat(right).double().mean().item()


def sampled(path: str, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Samples of a checkpoint, 8 bits a pixel, and their labels."""
    model = GenerativeModel.load_from_checkpoint(path)
    assert isinstance(model, GAN)
    assert model.classes == 10, "name a checkpoint of a conditional model"
    blocks = zip(torch.arange(len(labels)).split(BLOCK), labels.split(BLOCK), strict=True)
    made = [model.sample(seeds.tolist(), y.tolist()).mul(127.5).add(127.5).round().byte() for seeds, y in blocks]
    return torch.cat(made), labels


def real_images(options: argparse.Namespace) -> list[tuple[Tensor, Tensor]]:
    """Training images and their labels, and test images and theirs."""
    if options.train is None:
        data = MNIST(options.root)
        data.prepare_data()
        return [data.load()[:], data.load_test()[:]]  # pyright: ignore[reportReturnType]
    folders = [ImageFolder(root, options.size) for root in (options.train, options.test)]
    return [folder.load()[:] for folder in folders]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="+")
    parser.add_argument("--root", default="data", help="the folder that holds MNIST/raw")
    parser.add_argument("--train", help="a folder of training images, one folder a class, in place of MNIST")
    parser.add_argument("--test", help="the folder of its test images")
    parser.add_argument("--size", type=int, default=32, help="of the images in those folders")
    parser.add_argument("--seed", type=int, default=0, help="of the classifiers")
    parser.add_argument("--samples", type=int, nargs="+", default=[60_000], help="how many to learn from")
    arguments = parser.parse_args()
    quieten()
    torch.set_num_threads(1)
    real, tests = real_images(arguments)
    counts = f"{len(real[0]):,} real images", f"{len(tests[0]):,} test images"

    def row(trained: str, tested: str, network: FeatureNetwork, images: tuple[Tensor, ...], cpu: str = "") -> None:
        print(f"| {trained} | {tested} | {accuracy(network, images[0], images[1]):.4f} | {cpu} |", flush=True)

    print("| trained on | tested on | accuracy | CPU-s of training |\n|---|---|---|---|")
    started = time.process_time()
    theirs = classifier(real[0], real[1], arguments.seed)
    row(*counts, theirs, tests, f"{time.process_time() - started:.0f}")
    for path in arguments.checkpoint:
        for count in arguments.samples:
            samples = sampled(path, real[1][torch.arange(count) % len(real[1])])
            started, name = time.process_time(), f"{count:,} samples of {path}"
            ours = classifier(*samples, arguments.seed)
            row(name, counts[1], ours, tests, f"{time.process_time() - started:.0f}")
            row(counts[0], name, theirs, samples)


if __name__ == "__main__":
    main()
