"""`gan walk`."""

import sys
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jsonargparse import Namespace
from tqdm import tqdm

from gan_lightning.callbacks.sample_writer import prepare
from gan_lightning.commands.arguments import without_foreign_keys
from gan_lightning.commands.class_help import print_class_help
from gan_lightning.commands.edited import stored_discriminator
from gan_lightning.commands.parser import Parser, command_parser, instantiated, parsed
from gan_lightning.commands.stops import Editable, chosen_stops, editable, of_seeds, stop_arguments
from gan_lightning.commands.trust import add_checkpoint_options, add_tuned_option, import_trusted, open_checkpoint
from gan_lightning.core.discovery import path_of
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.films import GIF, MP4, VIDEO_EXTRA, can_write_mp4
from gan_lightning.core.images import enlarged, picture, save, tile, to_uint8
from gan_lightning.core.seeding import mix
from gan_lightning.editing.direction_files import read_directions
from gan_lightning.editing.interpolation import Interpolation, Slerp
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.strip import filmed, frames_of, rows_of, strip, sweep_sheet
from gan_lightning.editing.style_mixing import mixed_styles
from gan_lightning.editing.sweep import Sweep
from gan_lightning.editing.truncation import Truncation
from gan_lightning.editing.walk import Walk, walked
from gan_lightning.models.sampling import latents
from gan_lightning.networks import Discriminator
from gan_lightning.networks.contract import judged
from gan_lightning.networks.layers import MinibatchStddev
from gan_lightning.runs.checkpoint import Checkpoint

FIRST_SEEDS = (0, 1, 2, 3)
"""The stops if none are given."""


@dataclass
class WalkOptions:
    """A walk, and where to write it.

    Args:
        seeds: Stops by their seeds: --seeds 1 2 3. If null, 0 to 3, or 0 alone if there are several labels. The image
            of a seed is that of gan predict.
        latents: Stops from a .npz file in place of seeds, such as the images that gan invert has found again.
        labels: For a model with classes, the class of each stop, by name or number: one for all stops, one for each, or
            several (or all) for one stop, which then goes through these classes. If null, as in gan predict.
        along: A directions.safetensors that gan directions wrote: all stops are moved along one of its directions, in
            one film, in place of a walk from stop to stop.
        direction: The number of that direction in the file, from 0.
        extent: How far images are moved along it to either side.
        styles: Seeds whose style is given to each stop: writes mixing.png in place of a walk. The network must have
            stages, as FastGANGenerator has.
        steps: Frames from one stop to the next.
        loop: Lead back to the first stop, so that the film starts again without a jump.
        fps: Frames in a second.
        batch_size: Images made at a time. It changes the memory needed, not the images.
        folder: The folder for strip.png, walk.gif and walk.mp4.
        overwrite: Write into a folder that already holds files, replacing those of the same name.
        device: cpu, cuda, mps, or auto: a GPU if there is one.
    """

    seeds: list[int] | None = None
    latents: str | None = None
    labels: int | str | list[int | str] | None = None
    along: str | None = None
    direction: int = 0
    extent: float = 3.0
    styles: list[int] | None = None
    steps: int = 30
    loop: bool = False
    fps: int = 20
    batch_size: int = 64
    folder: str = "walk"
    overwrite: bool = False
    device: str = "auto"


def walk_parser() -> Parser:
    parser = command_parser(
        "walk",
        "Films a walk through latent space, from a checkpoint alone: between seeds, inverted images or classes. gan "
        "walk last --seeds 1 2 3 writes a strip (PNG), a GIF and, with the extra video, an MP4.",
    )
    add_checkpoint_options(parser)
    add_tuned_option(parser)
    parser.add_class_arguments(WalkOptions)
    parser.add_argument(
        "--interpolation",
        type=Interpolation,
        default={"class_path": path_of(Slerp)},
        help="The way from stop to stop: Slerp (a great circle) or Lerp (a straight line).",
    )
    parser.add_argument(
        "--truncation",
        type=Truncation | None,
        default=None,
        help="Likelier stops: TowardsMean (--truncation.psi 0.7), or RejectUnlikely, which asks the discriminator. If "
        "null, the stops as they are.",
    )
    parser.choices = {"interpolation": Interpolation, "truncation": Truncation}
    return parser


def film_walk(command: str, arguments: Sequence[str]) -> None:
    """Writes a strip and films of a walk, or a sheet of mixed styles."""
    parser = walk_parser()
    words = without_foreign_keys(stop_arguments(arguments), parser.options, command)
    print_class_help(parser, words)
    import_trusted(words)
    made = instantiated(parser, parsed(parser, words))
    check_numbers(made)
    checkpoint = open_checkpoint(made.ckpt_path)
    source = editable(checkpoint, made.device, made.tuned)
    several = isinstance(made.labels, list) or made.labels == "all"
    stops = truncated(made, chosen_stops(made, source, FIRST_SEEDS[:1] if several else FIRST_SEEDS), source, checkpoint)
    if made.styles is not None:
        write_mixing(made, stops, source)
    elif made.along is not None:
        write_sweep(made, stops, source)
    else:
        write_walk(made, Walk(stops, made.steps, made.interpolation, made.loop), source)


def check_numbers(made: Namespace) -> None:
    """Refuses numbers that are too small."""
    for key in ("steps", "fps", "batch_size"):
        if made[key] < 1:
            raise UserError(f"{key} is {made[key]}; it must be at least 1")


def write_walk(made: Namespace, walk: Walk, source: Editable) -> None:
    """Writes the strip and the films of a walk."""
    shown = {number for row in rows_of(walk) for number in row}
    images = film(made, walk, 1, source, shown)
    save(strip(walk, images), Path(made.folder, "strip.png"))


def write_sweep(made: Namespace, stops: Latents, source: Editable) -> None:
    """Writes the strip and the films of a walk along a direction: a row for each stop."""
    vector = read_directions(made.along, source.latent_dim).chosen(made.direction)
    if not made.extent > 0:
        raise UserError(f"extent is {made.extent:g}; it must be above 0")
    film(made, Sweep(stops, vector, made.extent, made.steps, made.loop), len(stops.z), source)
    sheet = sweep_sheet(source.model, stops, [vector], stops.names, made.extent)
    save(sheet, Path(made.folder, "strip.png"))


def film(
    made: Namespace, walk: Walk | Sweep, together: int, source: Editable, shown: Collection[int] = ()
) -> dict[int, np.ndarray]:
    """Writes the films of a walk, frame by frame, and returns some frames.

    Args:
        made: The options.
        walk: The walk.
        together: Images in a frame.
        source: The model.
        shown: The numbers of the frames to return.
    """
    folder = Path(made.folder)
    prepare(folder, made.overwrite, "")
    films = [GIF(folder / "walk.gif", made.fps)]
    films += [MP4(folder / "walk.mp4", made.fps)] if can_write_mp4() else []
    batches = walked(source.model, walk.batches(made.batch_size))
    frames = tqdm(frames_of(batches, together), total=len(walk), unit="frame", leave=False, disable=None)
    with ExitStack() as opened:
        for one in films:
            opened.enter_context(one)
        found = filmed(frames, films, shown)
    names = ", ".join(["strip.png", *(one.path.name for one in films)])
    print(f"wrote {names} ({len(walk):,} frame{'s' * (len(walk) > 1)}) into {printable(made.folder)}")
    if not can_write_mp4():
        print(f"for an MP4, too: {VIDEO_EXTRA}", file=sys.stderr)
    return found


def write_mixing(made: Namespace, stops: Latents, source: Editable) -> None:
    """Writes a sheet: the stops in the first column, the styles in the first row, each stop in each style."""
    styles = of_seeds(made.styles, source)
    mixed = mixed_styles(source.model, stops, styles)
    prepare(Path(made.folder), made.overwrite, "")
    own = [walked(source.model, Walk(some, 1).batches(made.batch_size)) for some in (styles, stops)]
    across, down = (torch.cat([*batches]) for batches in own)
    corner = torch.full_like(mixed[:1], -1)
    lines = [torch.cat([image, row]) for image, row in zip(down.split(1), mixed.split(len(across)), strict=True)]
    sheet = to_uint8(torch.cat([corner, across, *lines]))
    save(enlarged(picture(tile(sheet, len(across) + 1))), Path(made.folder, "mixing.png"))
    rows, columns = (", ".join(some.names) for some in (stops, styles))
    print(f"wrote mixing.png into {printable(made.folder)}: rows are {rows}; columns are the styles of {columns}")


def truncated(made: Namespace, stops: Latents, source: Editable, checkpoint: Checkpoint) -> Latents:
    """Returns the stops after the truncation that is asked for."""
    if made.truncation is None:
        return stops
    if not made.truncation.looks:
        return made.truncation(stops, source.model, None, None)
    if made.latents is not None:
        raise UserError("truncation is RejectUnlikely, which redraws seeds, but latents are given: choose TowardsMean")
    discriminator = single_judge(checkpoint).to(source.model.device)
    seeds = FIRST_SEEDS if made.seeds is None else made.seeds
    seeds = [seed for seed in seeds for _ in range(len(stops.z) // len(seeds))]

    def score(x: torch.Tensor, y: torch.Tensor | None) -> torch.Tensor:
        labels = torch.zeros(len(x), dtype=torch.int64) if y is None else y
        weight = next(discriminator.parameters())
        return judged(discriminator, x.to(weight), labels.to(weight.device)).image_logits.cpu()

    def redraw(attempt: int) -> torch.Tensor:
        return latents([mix(seed, attempt) for seed in seeds], source.latent_dim)

    return made.truncation(stops, source.model, score, redraw)


def single_judge(checkpoint: Checkpoint) -> Discriminator:
    """Returns the discriminator in a checkpoint.

    Raises:
        UserError: There is none, or it does not judge images one by one.
    """
    found = stored_discriminator(checkpoint)
    if found is None:
        raise UserError(f"truncation is RejectUnlikely, but {checkpoint.path} has no discriminator: choose TowardsMean")
    if found.packing > 1 or any(isinstance(layer, MinibatchStddev) for layer in found.modules()):
        raise UserError("truncation is RejectUnlikely, but the discriminator judges several images together: choose "
                        "TowardsMean")  # fmt: skip
    return found
