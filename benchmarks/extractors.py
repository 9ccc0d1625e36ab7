"""How small the floor of each extractor for photographs is, and how clearly damage rises above it.

    python benchmarks/extractors.py --root cifar10-test --extractor EfficientNetLite0 --samples 500 1000 2500

The root has one folder of pictures per class. Three sets without common images are the reference, other images, whose
Fréchet distance from the reference is the floor, and images of the first two thirds of the classes. The other images
are also blurred, compressed and made noisy. Prints a Markdown table, as in docs/results/extractors.md: the floor, then
distances divided by it.
"""

import argparse
import io
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from gan_lightning.data import ImageFolder
from gan_lightning.data.identity import in_order
from gan_lightning.evaluation.features import HED, EfficientNetLite0, Extractor, efficientnet
from gan_lightning.evaluation.metrics import frechet

EXTRACTORS: dict[str, Callable[[], Extractor]] = {"EfficientNetLite0": EfficientNetLite0, "HED": HED}


def compressed(image: Tensor) -> Tensor:
    """An image uint8 (3, H, W) after a way through a JPEG file of quality 30."""
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=30)
    return torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)


def noisy(x: Tensor) -> Tensor:
    noise = 0.15 * 127.5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    return (x + noise).round().clamp(0, 255).byte()


DAMAGE: dict[str, Callable[[Tensor], Tensor]] = {
    "blur, 1 pixel": lambda x: gaussian_blur(x, [9, 9], [1.0, 1.0]),
    "JPEG 30": lambda x: torch.stack([compressed(image) for image in x]),
    "noise .15": noisy,
}
"""What is done to images uint8 (N, 3, H, W). Noise is in units of images in [-1, 1]."""


def sets(root: str, side: int, most: int) -> dict[str, Tensor]:
    """Images uint8 by the name of their set, at most this many of each."""
    data = ImageFolder(root=root, image_size=side)
    data.setup("fit")
    assert data.source is not None
    order = in_order(data.identities_of(data.source))
    x, y = data.source[order]
    third = min(most, len(x) // 3)
    reference, other, rest = x[:third], x[third : 2 * third], x[2 * third :]
    kept = rest[y[2 * third :] < max(1, round(data.classes * 2 / 3))][:third]
    damaged = {name: damage(other) for name, damage in DAMAGE.items()}
    return {"reference": reference, "other": other, **damaged, "a third of classes missing": kept}


def row(seen: dict[str, Tensor], n: int) -> str:
    real, other, *damaged = (features[:n] for features in seen.values())
    floor = frechet(real, other).value
    scores = [f"{frechet(real, some).value / floor:.2f}" if len(some) == n else "" for some in damaged]
    return f"| {n:,} | {floor:.2f} | {' | '.join(scores)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="a folder of pictures, one folder inside for each class")
    parser.add_argument("--image_size", type=int, default=32, help="the side of the images that are damaged")
    parser.add_argument("--extractor", choices=[*EXTRACTORS], default="EfficientNetLite0")
    parser.add_argument("--side", type=int, help="for EfficientNetLite0: another side to which images are resized")
    parser.add_argument("--all", action="store_true", help="for EfficientNetLite0: all 1,280 features, not projected")
    parser.add_argument("--samples", type=int, nargs="+", default=[500, 1000, 2500])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    efficientnet.LITE0_SIDE = chosen.side or efficientnet.LITE0_SIDE
    judge, started = EXTRACTORS[chosen.extractor](), time.process_time()
    if isinstance(judge, EfficientNetLite0) and chosen.all:
        judge.axes = torch.eye(1280)
    images = sets(chosen.root, chosen.image_size, max(chosen.samples))
    seen = {
        name: torch.cat([judge.extract(b / 127.5 - 1).features for b in x.split(500)]) for name, x in images.items()
    }
    print(f"| n | floor | {' | '.join([*images][2:])} |\n{'|---' * (len(images))}|")
    print("\n".join(row(seen, n) for n in chosen.samples if n <= len(images["reference"])))
    print(f"\n{judge.name} ({judge.digest}), {time.process_time() - started:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
