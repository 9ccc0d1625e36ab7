"""`gan predict --images`: what a translator makes of existing images, each at its own size."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan_lightning.commands.arguments import configs_located, with_options, without_foreign_keys
from gan_lightning.commands.parser import Parser, command_parser, instantiated, parsed
from gan_lightning.commands.subjects import chosen_device
from gan_lightning.commands.trust import add_checkpoint_options, asked, import_trusted, open_checkpoint
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.images import to_uint8, to_uint16
from gan_lightning.core.resampling import bicubic
from gan_lightning.core.tiles import TILE, tiled
from gan_lightning.core.whole_files import replacing
from gan_lightning.data.image_files import FileOnDisk, read_image, reading
from gan_lightning.data.own_pixels import ENDINGS_OF, OwnPicture, own_picture, written_format
from gan_lightning.degradations.grey import luminance
from gan_lightning.editing.pictures import PICTURE_LIMIT, pictures_with_names
from gan_lightning.models.cycle_translator import CycleTranslator, DirectionName
from gan_lightning.models.translator import Translator
from gan_lightning.networks.whole_statistics import whole_statistics
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.run import check_folder


@dataclass
class Translations:
    """The images to translate, and where to write the results.

    Args:
        images: Pictures: files, or folders of them.
        folder: The folder for the results, each with the name of its picture, in the same folders below it. PNG and
            TIFF come back as they came, with 8 or 16 bits, grey or in colour, transparent or not; JPEG and WebP in high
            quality; all else as PNG (a.gif as a.gif.png, if there is an a.png, too).
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
    """Whether the arguments of `gan predict` name images, or have an option that is for translators, and name one.

    Raises:
        UserError: They name a translator, and no images.
    """
    names = {word.partition("=")[0] for word in arguments}
    if names & {"--images", "--images+"}:
        return True
    path = asked(with_options(arguments, lambda word: ["--ckpt_path"]), "--ckpt_path")
    if path is not None and names & {"--folder", "--direction"} and is_of_translator(path):
        raise UserError(f"{path} holds a translator, which makes images from images: name some with --images")
    return False


def is_of_translator(ckpt_path: str) -> bool:
    """Whether there is a checkpoint, and it holds a translator."""
    try:
        checkpoint = open_checkpoint(ckpt_path)
    except UserError:
        return False
    return is_translator(checkpoint) or is_two_sided(checkpoint)


def write_translations(command: str, arguments: Sequence[str]) -> None:
    """Translates each picture. One that cannot be read, or whose result is there already, is named and skipped."""
    parser = translation_parser()
    words = configs_located(with_options(with_image_list(arguments), lambda word: ["--ckpt_path"]))
    words = without_foreign_keys(words, parser.options, command)
    import_trusted(words)
    made = instantiated(parser, parsed(parser, words))
    model, folder = translator_in(open_checkpoint(made.ckpt_path), made.direction), Path(made.folder)
    model.to(chosen_device(made.device)).eval()
    check_folder(folder, "folder", "translated images")
    paths, skipped = not_below(folder, pictures_with_names(made.images)), 0
    times = Counter(name.with_suffix("") for _, name in paths)
    for path, name in tqdm(paths, unit="image", leave=False, disable=None):
        try:
            translate_file(model, path, folder / name, alone=times[name.with_suffix("")] == 1)
        except UserError as error:
            print(f"skipped: {printable(str(error))}", file=sys.stderr)
            skipped += 1
    if skipped == len(paths):
        raise UserError(
            "no image could be translated" if skipped == 1 else f"none of {skipped} images could be translated"
        )
    count = len(paths) - skipped
    done = f"wrote {count} image{'s' * (count > 1)} into {printable(made.folder)}"
    print(done + f"; skipped {skipped}" * (skipped > 0))


def not_below(folder: Path, pictures: list[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Leaves out pictures, each with its name, that are results of before.

    Raises:
        UserError: All are.
    """
    found = [pair for pair in pictures if folder.resolve() not in pair[0].resolve().parents]
    if not found:
        raise UserError(f"all images are in {folder}, where results go: choose another --folder")
    return found


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
        return CycleTranslator.one_way_from_checkpoint(checkpoint, direction or "a_to_b")
    kind = str(checkpoint.content.get("kind")).rpartition(".")[2]
    if not is_translator(checkpoint):
        raise UserError(f"{checkpoint.path} holds a {kind}, which makes no images from images: leave out --images, or "
                        "name the checkpoint of a Translator")  # fmt: skip
    if direction is not None:
        raise UserError(f"direction is {direction}, but a Translator has one: leave it out")
    return Translator.maker_from_checkpoint(checkpoint)


def is_translator(checkpoint: Checkpoint) -> bool:
    return str(checkpoint.content.get("kind")).rpartition(".")[2] == Translator.__name__


def is_two_sided(checkpoint: Checkpoint) -> bool:
    return str(checkpoint.content.get("kind")).rpartition(".")[2] == CycleTranslator.__name__


def translate_file(model: Translator, source: Path, target: Path, alone: bool = True) -> None:
    """Writes what the model makes of a picture, in the picture's own form.

    Args:
        model: The model.
        source: The picture.
        target: The file to write. It gets another ending if it is written in another format.
        alone: Whether no other picture has its name but for the ending. If one has, the new ending follows the old.

    Raises:
        UserError: The picture cannot be read or has nothing to start from, or the result is there already.
    """
    with reading(PICTURE_LIMIT.pixels):
        picture = read_image(FileOnDisk(source), own_picture, PICTURE_LIMIT)
    check_start(model, picture, source)
    kind = written_format(picture.format, max(picture.pixels.shape) * model.degradation.factor)
    if target.suffix.lower() not in ENDINGS_OF[kind]:
        target = target.with_name((target.stem if alone else target.name) + ENDINGS_OF[kind][0])
    if target.exists():
        raise UserError(f"{target} exists already: move it, or choose another --folder for {source}")
    made = translated_picture(model, picture)._replace(format=kind)
    with replacing(target) as file:
        file.write(made.written())


def check_start(model: Translator, picture: OwnPicture, source: Path) -> None:
    """Refuses a picture of which all, or nothing, is to be made up."""
    hidden = np.zeros(1, bool) if picture.alpha is None else ~is_opaque(picture)
    if model.degradation.leaves_out and (hidden.all() or not hidden.any()):
        fault = "all of it is transparent" if hidden.all() else "nothing in it is (more than half) transparent"
        raise UserError(f"{source}: {fault}: erase what is to be made up, and nothing else, and save it as PNG")


def translated_picture(model: Translator, picture: OwnPicture) -> OwnPicture:
    """Returns what the model makes of a picture, of its depth, and grey if it is grey and the model adds no colours."""
    channels = picture.pixels.shape[2]
    to_grey = channels == 1 and model.degradation.keeps_colour(model.image_shape[0])

    def make(part: Tensor) -> Tensor:
        x = model(part.to(model.device))
        return luminance(x) if to_grey else x

    deep = picture.pixels.dtype == np.uint16
    pixels = made_whole(model, inputs_of(model, picture), make, to_uint16 if deep else to_uint8)
    alpha = None if model.degradation.takes_drawings or model.degradation.leaves_out else picture.alpha
    enlarged = None if alpha is None else resized_values(alpha, pixels.shape[0], pixels.shape[1])
    return OwnPicture(pixels, enlarged, profile=picture.profile if pixels.shape[2] == channels else None)


def made_whole(
    model: Translator, inputs: Tensor, make: Callable[[Tensor], Tensor], pixels_of: Callable[[Tensor], np.ndarray]
) -> np.ndarray:
    """Returns the pixels (H, W, C) that are made of an input (1, c, h, w), in tiles if it is large."""

    def put_through() -> np.ndarray:
        return tiled(make, inputs, model.degradation.factor, model.generator.reach, pixels_of=pixels_of)

    if max(inputs.shape[2:]) <= TILE:
        return put_through()
    with whole_statistics(model.average_generator, put_through):
        return put_through()


def inputs_of(model: Translator, picture: OwnPicture) -> Tensor:
    """Returns a picture as the input (1, c, h, w) of a model."""
    values = picture.pixels.astype(np.float32) * np.float32(2 / picture.highest) - 1
    opaque = np.ones((*values.shape[:2], 1), bool) if picture.alpha is None else is_opaque(picture)
    if picture.alpha is not None and model.degradation.takes_drawings:  # on white
        values = 1 + (values - 1) * (picture.alpha / np.float32(picture.highest))
    x, channels = to_planes(values), model.degradation.given_channels or model.image_shape[0]
    x = luminance(x) if channels == 1 else x.expand(-1, 3, -1, -1)
    return model.degradation.taken(x, to_planes(opaque).to(x))


def is_opaque(picture: OwnPicture) -> np.ndarray:
    """Returns where a picture that may be transparent has its pixels, bool (H, W, 1)."""
    assert picture.alpha is not None
    return picture.alpha > picture.highest // 2


def to_planes(values: np.ndarray) -> Tensor:
    """Returns values (H, W, C) as (1, C, H, W)."""
    return torch.from_numpy(values).permute(2, 0, 1)[None]


def resized_values(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns whole numbers (H, W, C) from 0 to the highest of their kind at another size."""
    if values.shape[:2] == (height, width):
        return values
    found = bicubic(to_planes(values.astype(np.float32)), height, width)[0].permute(1, 2, 0).round()
    return found.clamp(0, np.iinfo(values.dtype).max).numpy().astype(values.dtype)
