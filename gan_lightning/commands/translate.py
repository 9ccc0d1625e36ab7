"""`gan predict --images`: what a translator makes of existing images, each at its own size."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

from gan_lightning.commands.arguments import configs_located, with_options, without_foreign_keys
from gan_lightning.commands.parser import Parser, command_parser, instantiated, parsed
from gan_lightning.commands.subjects import chosen_device
from gan_lightning.commands.trust import add_checkpoint_options, import_trusted, open_checkpoint
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.images import picture, save, to_uint8
from gan_lightning.data.decoding import in_channels
from gan_lightning.data.image_files import FileOnDisk, read_image, reading
from gan_lightning.editing.pictures import PICTURE_LIMIT, picture_paths
from gan_lightning.models.cycle_translator import CycleTranslator, DirectionName
from gan_lightning.models.translator import Translator
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.run import check_folder

TILE = 256
"""Pixels of a side of the input that are translated at a time, not counting what overlaps. A multiple of the steps of
all networks, so that tiles meet."""


@dataclass
class Translations:
    """The images to translate, and where to write the results.

    Args:
        images: Pictures: files, or folders of them.
        folder: The folder for the results, one PNG of the same name for each.
        device: cpu, cuda, mps, or auto: a GPU if there is one.
        direction: For a CycleTranslator: a_to_b, as it is if null, or b_to_a.
    """

    images: list[str]
    folder: str = "translated"
    device: str = "auto"
    direction: DirectionName | None = None


def translation_parser() -> Parser:
    about = "Makes images from existing ones, each at its own size times the factor. Existing files are not replaced."
    parser = command_parser("predict", about)
    add_checkpoint_options(parser)
    parser.add_class_arguments(Translations)
    return parser


def asks_for_translations(arguments: Sequence[str]) -> bool:
    """Whether the arguments of `gan predict` name images."""
    return any(word.partition("=")[0] in ("--images", "--images+") for word in arguments)


def write_translations(command: str, arguments: Sequence[str]) -> None:
    """Translates each picture. One that cannot be read, or whose result is there already, is named and skipped."""
    parser = translation_parser()
    words = configs_located(with_options(with_image_list(arguments), lambda word: ["--ckpt_path"]))
    words = without_foreign_keys(words, parser.options, command)
    import_trusted(words)
    made = instantiated(parser, parsed(parser, words))
    model, folder = translator_in(open_checkpoint(made.ckpt_path), made.direction), Path(made.folder)
    model.to(chosen_device(made.device)).eval()
    paths, skipped = picture_paths(made.images), 0
    check_folder(folder, "folder", "translated images")
    for path in tqdm(paths, unit="image", leave=False, disable=None):
        try:
            translate_file(model, path, folder / f"{path.stem}.png")
        except UserError as error:
            print(f"skipped: {printable(str(error))}", file=sys.stderr)
            skipped += 1
    if skipped == len(paths):
        raise UserError(f"none of {len(paths)} images could be translated")
    print(f"wrote {len(paths) - skipped} images into {printable(made.folder)}" + f"; skipped {skipped}" * (skipped > 0))


def with_image_list(arguments: Sequence[str]) -> list[str]:
    """The arguments, where each word after --images is added to a list."""
    found, option = [], ""
    for word in arguments:
        name, equals, value = word.partition("=")
        if name == "--images":
            found += ["--images+", value] if equals else []
        elif option == "--images" and not word.startswith("--"):
            found += ["--images+", word]
            continue
        else:
            found.append(word)
        option = name
    return found


def translator_in(checkpoint: Checkpoint, direction: DirectionName | None = None) -> Translator:
    """Returns the translator in a checkpoint, or one direction of it.

    Raises:
        UserError: It holds another kind of model, or none of this direction.
    """
    if is_two_sided(checkpoint):
        return CycleTranslator.load_from_checkpoint(checkpoint.path).one_way(direction or "a_to_b")
    kind = str(checkpoint.content.get("kind")).rpartition(".")[2]
    if not is_translator(checkpoint):
        raise UserError(f"{checkpoint.path} holds a {kind}, which makes no images from images: leave out --images, or "
                        "name the checkpoint of a Translator")  # fmt: skip
    if direction is not None:
        raise UserError(f"direction is {direction}, but a Translator has one: leave it out")
    return Translator.load_from_checkpoint(checkpoint.path)


def is_translator(checkpoint: Checkpoint) -> bool:
    return str(checkpoint.content.get("kind")).rpartition(".")[2] == Translator.__name__


def is_two_sided(checkpoint: Checkpoint) -> bool:
    return str(checkpoint.content.get("kind")).rpartition(".")[2] == CycleTranslator.__name__


def translate_file(model: Translator, source: Path, target: Path) -> None:
    """Writes what the model makes of a picture.

    Raises:
        UserError: It cannot be read or has nothing to start from, or the result is there already.
    """
    if target.exists():
        raise UserError(f"{target} exists already: move it, or choose another --folder for {source}")
    with reading(PICTURE_LIMIT.pixels):
        inputs = read_image(FileOnDisk(source), lambda image: inputs_of(model, image), PICTURE_LIMIT)
    missing = model.degradation.missing(inputs)
    if missing is not None and (missing.all() or not missing.any()):
        what = (
            "all of it is transparent" if missing.all() else "nothing in it is transparent, and that is what is made up"
        )
        raise UserError(f"{source}: {what}")
    save(picture(tiled(model, inputs, model.degradation.factor, model.generator.margin)), target)


def inputs_of(model: Translator, image: Image.Image) -> Tensor:
    """Returns a picture as the input (1, c, h, w) of a model."""
    ImageOps.exif_transpose(image, in_place=True)
    solid = image.convert("RGBA").getchannel("A") if image.has_transparency_data else Image.new("L", image.size, 255)
    channels = model.image_shape[0]
    pixels = np.array(in_channels(image, 1 if channels == 1 else 3)).reshape(image.height, image.width, -1)
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
    opaque = torch.from_numpy(np.array(solid) >= 128)[None, None].float()
    return model.degradation.taken(x, opaque)


def tiled(make: Callable[[Tensor], Tensor], inputs: Tensor, factor: int, margin: int, tile: int = TILE) -> np.ndarray:
    """Makes an image in tiles, of which each sees a margin around it, and returns its pixels (H, W, C).

    Args:
        make: Makes an image (1, C, H, W) from an input (1, c, h, w).
        inputs: The whole input.
        factor: H over h.
        margin: Pixels of the input.
        tile: Pixels of the input.
    """
    margin = -(-margin // 16) * 16
    parts = [spans(side, tile, margin) for side in inputs.shape[2:]]
    rows = []
    for low, first, last, high in parts[0]:
        row = []
        for left, start, end, right in parts[1]:
            seen = make(inputs[:, :, low:high, left:right].to(device_of(make)))
            kept = [slice((a - b) * factor, (c - b) * factor) for a, b, c in ((first, low, last), (start, left, end))]
            row.append(to_uint8(seen[:, :, kept[0], kept[1]])[0])
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows, axis=0)


def device_of(make: Callable) -> torch.device:
    """Returns the device of a model; the CPU for a function."""
    return getattr(make, "device", torch.device("cpu"))


def spans(side: int, tile: int, margin: int) -> list[tuple[int, int, int, int]]:
    """Returns for each tile of a side: where what it sees begins, where it begins and ends, where what it sees ends."""
    starts = range(0, side, tile)
    return [(max(0, s - margin), s, min(s + tile, side), min(s + tile + margin, side)) for s in starts]
