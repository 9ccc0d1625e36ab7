"""Modes of Stacked MNIST among 26,000 samples of a checkpoint.

    gan fit --config configs/stacked_mnist.yaml
    python benchmarks/stacked.py lightning_logs/version_0/checkpoints/last.ckpt --root data

Each channel of a sample is named by the package's MNIST features. Unfiltered, every sample counts for its most likely
triple of digits; filtered, only those of a triple that is more than 90 % sure. The row of real images is made of test
digits. (`gan test` finds as many filtered modes; its KL is from the real images, this one from equal shares.)
"""

import argparse

import torch

from gan_lightning import checkpoints, gan
from gan_lightning.data import StackedMNIST
from gan_lightning.data.images import scale
from gan_lightning.extractors import Seen, extractor_for
from gan_lightning.metrics import class_divergence, classes_found, kl_floor
from gan_lightning.model import Model

SAMPLES, BLOCK = 26_000, 500


def counted(seen: Seen, sure: float) -> str:
    """Modes, modes of sure samples, the share of sure ones, and KL(samples || uniform)."""
    probabilities = seen.probabilities
    assert probabilities is not None
    share = (probabilities.max(1).values > sure).double().mean()
    found = f"{classes_found(probabilities)} | {classes_found(probabilities, sure)} | {share:.3f}"
    return f"{found} | {class_divergence(probabilities).value:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="+")
    parser.add_argument("--root", default="data", help="the folder that holds MNIST/raw")
    arguments = parser.parse_args()
    data = StackedMNIST(arguments.root)
    extractor = extractor_for(data)
    data.prepare_data()
    real = data.load_test()
    print(
        "| | modes of 1,000 | filtered | share sure | KL | parameters of G and D | iterations | CPU-s |\n|" + "---|" * 8
    )
    blocks = torch.arange(SAMPLES).split(BLOCK)
    seen = Seen.joined([extractor.see(scale(real[block][0])) for block in blocks])
    floor = kl_floor(1000, SAMPLES)
    print(f"| real images (floor in expectation {floor:.4f}) | {counted(seen, extractor.confident)} | | | |")
    for path in arguments.checkpoint:
        model, content = Model.load_from_checkpoint(path), checkpoints.read(path)
        assert isinstance(model, gan.GAN)
        seen = Seen.joined([extractor.see(model.sample(block.tolist())) for block in blocks])
        size = sum(p.numel() for player in model.players.values() for p in player.network.parameters())
        cpu = content["callbacks"].get("Cost", {}).get("cpu", float("nan"))
        found = counted(seen, extractor.confident)
        print(f"| {path} | {found} | {size:,} | {content['global_step']:,} | {cpu:.0f} |", flush=True)


if __name__ == "__main__":
    main()
