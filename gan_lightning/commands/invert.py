"""`gan invert`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from gan_lightning.commands.arguments import without_foreign_keys
from gan_lightning.commands.edited import (
    asked_classes,
    default_features,
    image_sampler,
    match_named,
    named_pictures,
    picture_arguments,
)
from gan_lightning.commands.parser import Parser, command_parser, instantiated, parsed
from gan_lightning.commands.trust import add_checkpoint_options, import_trusted, open_checkpoint
from gan_lightning.core.errors import printable
from gan_lightning.core.images import save
from gan_lightning.editing.findings import Findings, side_by_side
from gan_lightning.editing.inversion import invert
from gan_lightning.editing.latent_files import Latents, write_latents
from gan_lightning.runs.run import check_folder


@dataclass
class Search:
    """The search for latents.

    Args:
        images: Pictures to find again: files, or folders of them; the words alone on the command line.
        labels: For a model with classes: the class of all pictures, by its name or number, or a list with one for each.
            If null, it is inferred.
        match: In what images are compared: pixels; discriminator (its features); MNIST, SecondMNIST, Colour,
            EfficientNetLite0, or the file of a feature network.
        noise: Standard deviation of what the model need not explain, where pixels are in [-1, 1] and features have
            about 1 between samples. The larger, the more likely the latents, and the worse the match.
        starts: Samples to start from: the nearest of `candidates`.
        candidates: Samples to choose the starts from.
        enough: PSNR, in dB, at which a picture counts as found, so that no more starts are tried.
        seed: Fixes the samples to start from.
        fit: Resize, crop and convert pictures of another size or kind, as training does.
        folder: The folder for latents.npz, pairs.png, report.json and report.md.
        device: cpu, cuda, mps, or auto: a GPU if there is one.
    """

    images: list[str]
    labels: int | str | list[int | str] | None = None
    match: str = "pixels"
    noise: float = 0.03
    starts: int = 8
    candidates: int = 1000
    enough: float = 45.0
    seed: int = 0
    fit: bool = False
    folder: str = "inverted"
    device: str = "auto"


def invert_parser() -> Parser:
    parser = command_parser("invert", "Finds the latents of which a generator makes given images.")
    add_checkpoint_options(parser)
    parser.add_class_arguments(Search)
    parser.add_argument(
        "--features",
        type=str | None,
        default=None,
        help="Features whose distance is reported beside the PSNR, named as in match. If null, those of the "
        "discriminator, if the checkpoint holds one that has some.",
    )
    return parser


def find_again(command: str, arguments: Sequence[str]) -> None:
    """Finds latents; writes them, the images side by side, and a report."""
    parser = invert_parser()
    words = without_foreign_keys(picture_arguments(arguments), parser.options, command)
    import_trusted(words)
    made = instantiated(parser, parsed(parser, words))
    checkpoint = open_checkpoint(made.ckpt_path)
    model, folder = image_sampler(checkpoint, made.device), Path(made.folder)
    images, names = named_pictures(made.images, model, made.fit)
    labels = asked_classes(made.labels, len(images), model, checkpoint)
    match = match_named(made.match, model, checkpoint)
    seen_by = match_named(made.features or default_features(checkpoint), model, checkpoint)
    check_folder(folder, "folder", "latents")
    begun = time.process_time()
    with tqdm(total=made.starts, unit="start", leave=False, disable=None) as bar:

        def told(done: int, of: int, psnr: float) -> None:
            bar.total, bar.n = of, done
            bar.set_postfix_str(f"median PSNR {psnr:.1f} dB")

        found = invert(
            model,
            images,
            model.generator.latent_dim,
            model.generator.classes,
            labels,
            match,
            made.noise,
            made.starts,
            made.candidates,
            made.enough,
            seed=made.seed,
            told=told,
        )
    seconds = (time.process_time() - begun) / len(images)
    write_latents(folder / "latents.npz", Latents(found.z, found.y, names))
    save(side_by_side(images, found.images, found.psnr), folder / "pairs.png")
    report = Findings(names, images, found, match, seen_by, seconds)
    report.write(folder)
    print(report.summary())
    print(f"wrote latents.npz, pairs.png, report.json and report.md into {printable(made.folder)}")
