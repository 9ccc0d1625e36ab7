"""`gan invert`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jsonargparse import Namespace
from torch import Tensor
from tqdm import tqdm

from gan_lightning.callbacks.sample_writer import prepare
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
from gan_lightning.commands.trust import add_checkpoint_options, add_tuned_option, import_trusted, open_checkpoint
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.images import save
from gan_lightning.editing.findings import PAIRS_SHOWN, Findings, side_by_side
from gan_lightning.editing.inversion import Inverted, psnr
from gan_lightning.editing.latent_files import Latents, write_latents
from gan_lightning.editing.matches import Match
from gan_lightning.editing.tuning import tune
from gan_lightning.editing.tuning_files import apply_tuning, write_tuning
from gan_lightning.models.generative import GenerativeModel


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
        starts: Samples to start from: the nearest of `candidates`, of each class in turn.
        candidates: Samples to choose the starts from.
        enough: PSNR, in dB, at which a picture counts as found, so that no more starts are tried.
        seed: Fixes the samples to start from.
        tune: Also change the generator a little, in so many steps, so that it makes the pictures more exactly (pivotal
            tuning). The change is written into tuned.safetensors, which --tuned of every command that makes images
            takes. The checkpoint stays as it is.
        fit: Resize, crop and convert pictures of another size or kind, as training does.
        folder: The folder for latents.npz, pairs.png, report.json and report.md.
        overwrite: Write into a folder that already holds files, replacing those of the same name.
        device: cpu, cuda, mps, or auto: a GPU if there is one.
    """

    images: list[str]
    labels: int | str | list[int | str] | None = None
    match: str = "pixels"
    noise: float = 0.03
    starts: int = 16
    candidates: int = 2000
    enough: float = 45.0
    seed: int = 0
    tune: int | None = None
    fit: bool = False
    folder: str = "inverted"
    overwrite: bool = False
    device: str = "auto"


def invert_parser() -> Parser:
    parser = command_parser("invert", "Finds the latents of which a generator makes given images.")
    add_checkpoint_options(parser)
    add_tuned_option(parser)
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
    check_tuning(made)
    checkpoint = open_checkpoint(made.ckpt_path)
    model, folder = image_sampler(checkpoint, made.device, made.tuned), Path(made.folder)
    images, names = named_pictures(made.images, model, made.fit)
    labels = asked_classes(made.labels, len(images), model, checkpoint)
    match = match_named("match", made.match, model, checkpoint)
    seen_by = match_named("features", made.features or default_features(checkpoint), model, checkpoint)
    prepare(folder, made.overwrite, "")
    begun = time.process_time()
    found = searched(model, images, labels, match, made)
    seconds = (time.process_time() - begun) / len(images)
    tuned = found if made.tune is None else after_tuning(model, images, found, made, folder)
    write_latents(folder / "latents.npz", Latents(found.z, found.y, names))
    save(side_by_side(images, tuned.images, tuned.psnr), folder / "pairs.png")
    report = Findings(names, images, tuned, match, seen_by, seconds)
    report.write(folder)
    print(report.summary())
    also = "" if made.tune is None else "tuned.safetensors, "
    first = "" if len(images) <= PAIRS_SHOWN else f" (with the first {PAIRS_SHOWN} of {len(images)})"
    print(f"wrote latents.npz, {also}pairs.png{first}, report.json and report.md into {printable(made.folder)}")


def check_tuning(made: Namespace) -> None:
    """Refuses to tune in no steps, or what is tuned already, before the search, which takes longer.

    Raises:
        UserError: Says which.
    """
    if made.tune is not None and made.tune < 1:
        raise UserError(f"tune is {made.tune}; it must be at least 1 step")
    if made.tune is not None and made.tuned is not None:
        raise UserError("tune and tuned are both given: find images with a tuned generator, or tune that of the "
                        "checkpoint")  # fmt: skip


def searched(model: GenerativeModel, images: Tensor, labels: Tensor | None, match: Match, made: Namespace) -> Inverted:
    """Searches, behind a progress bar with the PSNR."""
    with tqdm(total=made.starts, unit="start", leave=False, disable=None) as bar:

        def told(done: int, of: int, psnr: float) -> None:
            bar.total, bar.n = of, done
            bar.set_postfix_str(f"median PSNR {psnr:.1f} dB")

        search = {"noise": made.noise, "starts": made.starts, "candidates": made.candidates, "enough": made.enough}
        return model.invert(images, labels, match=match, seed=made.seed, told=told, **search)


def after_tuning(model: GenerativeModel, images: Tensor, found: Inverted, made: Namespace, folder: Path) -> Inverted:
    """Tunes the generator to what was found, writes the change, and returns what it makes now."""
    network = model.average_generator.network
    with tqdm(total=made.tune, unit="step", leave=False, disable=None) as bar:
        tuned = tune(network, found.z, found.y, images, made.tune, made.seed, lambda step, error: bar.update())
    print(f"before tuning: median PSNR {float(found.psnr.median()):.1f} dB")
    write_tuning(folder / "tuned.safetensors", network, tuned)
    apply_tuning(network, folder / "tuned.safetensors")
    shown = model(found.z, found.y)
    return found._replace(images=shown, psnr=psnr(shown, images))
