"""Whether the slant and the thickness of digits change along one direction, evenly, and without another digit.

    python benchmarks/directions.py CONDITIONAL.ckpt UNCONDITIONAL.ckpt

For each checkpoint and attribute it sweeps samples from -extent to extent in seven images. The directions are those of
SeFa and GANSpace (of the first eight, the one with the most even sweeps of other samples) and the boundary of a linear
SVM. The attribute is measured by moments; the class is read by SecondMNIST, a network that takes no part in finding
directions.
"""

import argparse
import time

import torch

from gan_lightning.editing.attributes import Attribute, attribute_directions
from gan_lightning.editing.directions import DirectionMethod, Directions, GANSpace, SeFa, directions
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.measures import slant, stroke_width
from gan_lightning.editing.purity import Classify, Purity, purity
from gan_lightning.evaluation.features.feature_file import Learnt
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.models.sampling import labels_of, latents
from gan_lightning.networks.feature_files import PINNED

ATTRIBUTES = {"slant": slant, "stroke width": stroke_width}
FOUND_FROM, OTHERS = 4000, 128
METHODS: dict[str, DirectionMethod] = {"SeFa, best of 8": SeFa(), "GANSpace, best of 8": GANSpace()}


def classes_of(name: str) -> Classify:
    """What reads digits: one of the package's two networks."""
    extractor = Learnt(PINNED[name])

    def classify(x: torch.Tensor) -> torch.Tensor:
        found = [extractor.extract(some).probabilities for some in x.split(500)]
        return torch.cat([some for some in found if some is not None])

    return classify


def sampled(model: GenerativeModel, first: int, count: int) -> Latents:
    seeds = range(first, first + count)
    y = labels_of(seeds, None, model.classes) if model.classes else None
    return Latents(latents(seeds, model.generator.latent_dim), y, [f"{seed}" for seed in seeds])


def candidates(model: GenerativeModel, attribute: Attribute, seed: int) -> dict[str, Directions]:
    """One direction for each method."""
    measure = {attribute.name: attribute.score}
    others = sampled(model, 10_000_000 + 1_000_000 * seed, OTHERS)
    found = {}
    for name, method in METHODS.items():
        eight = directions(model, method).strongest(8)
        rows = purity(model, eight, others, measure, 1.0)
        best = max(range(8), key=lambda i: rows[i].monotone)
        found[name] = Directions(eight.vectors[best : best + 1], eight.strengths[best : best + 1], [eight.names[best]])
    z, y, _ = sampled(model, 20_000_000 + 1_000_000 * seed, FOUND_FROM)
    found["SVM"] = attribute_directions(model, [attribute], z, y)
    if not model.classes:
        read = classes_of("MNIST")
        digits = [Attribute(f"{k}", lambda x, k=k: torch.logit(read(x)[:, k].double(), eps=1e-9)) for k in range(10)]
        found["SVM, classes unchanged"] = attribute_directions(model, [attribute], z, y, digits)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="each sweeps and learns from others")
    parser.add_argument("--sweeps", type=int, default=256)
    parser.add_argument("--extents", type=float, nargs="+", default=[0.5, 1.0, 1.5])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    read = classes_of("SecondMNIST")
    print(f"{arguments.sweeps} sweeps each, seeds {arguments.seeds}\n")
    print("| model | attribute | direction | extent | change (sd) | monotone | class kept | both |")
    print("|---|---|---|---|---|---|---|---|")
    for path in arguments.checkpoint:
        model = GenerativeModel.sampler_from_checkpoint(path)
        kind = f"{model.classes} classes" if model.classes else "no classes"
        for attribute in (Attribute(name, measure) for name, measure in ATTRIBUTES.items()):
            results: dict[tuple[str, float], list[Purity]] = {}
            for seed in arguments.seeds:
                stops = sampled(model, 1_000_000 * seed, arguments.sweeps)
                for name, found in candidates(model, attribute, seed).items():
                    for extent in arguments.extents:
                        row = purity(model, found, stops, {attribute.name: attribute.score}, extent, read)
                        results.setdefault((name, extent), []).extend(row)
            for (name, extent), rows in results.items():
                change = sum(abs(row.changes[attribute.name]) for row in rows) / len(rows)
                shares = [[row.monotone, row.kept or 0.0, row.both or 0.0] for row in rows]
                cells = " | ".join(f"{min(s):.3f} to {max(s):.3f}" for s in zip(*shares, strict=True))
                print(f"| {kind} | {attribute.name} | {name} | {extent:g} | {change:.2f} | {cells} |", flush=True)
    print(f"\n{time.process_time():.0f} CPU-seconds")


if __name__ == "__main__":
    main()
