"""What feature extractors see of known damage, of some that was not looked at when they were made, too.

    python benchmarks/ladder.py --data MNIST --root data --extractors MNIST SecondMNIST
    python benchmarks/ladder.py --root data/cifar10-train --size 32 --extractors Colour features.safetensors
    python benchmarks/ladder.py --root photos --size 64 --extractors Colour EfficientNetLite0

Prints a Markdown table as in docs/results/ladder.md: for each kind of damage, the Fréchet distance of damaged images
from others, over that of undamaged ones (the floor), from the weakest strength to the strongest. Images are held out as
`data.held_out` says; both sets are of such images. n is the number of images in each set.
"""

import argparse
import time

import torch

from gan_lightning.data import MNIST, ImageData, ImageFolder
from gan_lightning.evaluation.features import extractor_for
from gan_lightning.evaluation.ladder import ladder_of
from gan_lightning.evaluation.reference import ReferenceImages


def images(options: argparse.Namespace) -> ImageData:
    if options.data == "MNIST":
        return MNIST(options.root, held_out=options.held_out)
    return ImageFolder(options.root, options.size, options.channels, held_out=options.held_out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["MNIST", "ImageFolder"], default="ImageFolder")
    parser.add_argument("--root", required=True)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=3, help="1 turns the images grey")
    parser.add_argument("--held_out", type=float, default=0.16667)
    parser.add_argument("--most", type=int, default=4000)
    parser.add_argument("--extractors", nargs="+", required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = images(options)
    data.prepare_data()
    data.setup("fit")
    for i, name in enumerate(options.extractors):
        start = time.process_time()
        ladder = ladder_of(ReferenceImages(data, extractor_for(data, name), "test", options.most), unseen=True)
        if not i:
            titles = [f"{rung.damage} {', '.join(f'{s:g}' for s in rung.strengths)}" for rung in ladder.rungs]
            print(f"| extractor | n | floor | {' | '.join(titles)} | CPU-s |")
            print("|" + "---|" * (len(titles) + 4))
        cells = [
            ", ".join(f"{t:.3g}" for t in rung.times) + (" (blind)" if rung.fault else "") for rung in ladder.rungs
        ]
        spent = time.process_time() - start
        print(f"| {name} | {ladder.images:,} | {ladder.floor:.3g} | {' | '.join(cells)} | {spent:.0f} |", flush=True)


if __name__ == "__main__":
    main()
