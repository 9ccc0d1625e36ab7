"""Modes of Stacked MNIST among 26,000 samples of a checkpoint.

    gan fit --config configs/stacked_mnist.yaml
    python benchmarks/stacked.py lightning_logs/version_0/checkpoints/last.ckpt --root data

Each channel of a sample is named by the package's MNIST features. Unfiltered, every sample counts for its most likely
triple of digits; filtered, only those whose three digits are all more than 90 % sure. The row of real images is made of
test digits.
"""

import argparse

import torch
from torch import Tensor

from gan_lightning import checkpoints, gan
from gan_lightning.data import MNIST, StackedMNIST
from gan_lightning.data.images import scale
from gan_lightning.extractors import Extractor, extractor_for
from gan_lightning.metrics import kl_floor
from gan_lightning.model import Model

SAMPLES, BLOCK, SURE = 26_000, 500, 0.9


def named(extractor: Extractor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The class (N,), 0 to 999, of images (N, 3, 28, 28), and how sure the least sure channel is."""
    probabilities = extractor.see(x.reshape(-1, 1, 28, 28)).probabilities
    assert probabilities is not None
    sure, digits = probabilities.view(len(x), 3, -1).max(2)
    return (digits * torch.tensor([100, 10, 1])).sum(1), sure.min(1).values


def counted(blocks: list[tuple[Tensor, Tensor]]) -> str:
    """Modes, modes of sure samples, the share of sure ones, and KL(samples || uniform)."""
    classes, sure = (torch.cat(column) for column in zip(*blocks, strict=True))
    shares = torch.bincount(classes, minlength=1000).double() / len(classes)
    kl = torch.xlogy(shares, shares * 1000).sum().item()
    filtered = classes[sure > SURE]
    return f"{len(classes.unique())} | {len(filtered.unique())} | {len(filtered) / len(classes):.3f} | {kl:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="+")
    parser.add_argument("--root", default="data", help="the folder that holds MNIST/raw")
    arguments = parser.parse_args()
    extractor, data = extractor_for(MNIST()), StackedMNIST(arguments.root)
    data.prepare_data()
    real = data.load_test()
    print(
        "| | modes of 1,000 | filtered | share sure | KL | parameters of G and D | iterations | CPU-s |\n|" + "---|" * 8
    )
    blocks = [named(extractor, scale(real[block][0])) for block in torch.arange(SAMPLES).split(BLOCK)]
    print(f"| real images (floor in expectation {kl_floor(1000, SAMPLES):.4f}) | {counted(blocks)} | | | |")
    for path in arguments.checkpoint:
        model, content = Model.load_from_checkpoint(path), checkpoints.read(path)
        assert isinstance(model, gan.GAN)
        blocks = [named(extractor, model.sample(block.tolist())) for block in torch.arange(SAMPLES).split(BLOCK)]
        size = sum(p.numel() for player in model.players.values() for p in player.network.parameters())
        cpu = content["callbacks"].get("Cost", {}).get("cpu", float("nan"))
        print(f"| {path} | {counted(blocks)} | {size:,} | {content['global_step']:,} | {cpu:.0f} |", flush=True)


if __name__ == "__main__":
    main()
