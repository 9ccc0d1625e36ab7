"""`gan directions`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jsonargparse import Namespace
from torch import Tensor

from gan_lightning.callbacks.sample_writer import prepare
from gan_lightning.commands.arguments import without_foreign_keys
from gan_lightning.commands.class_help import print_class_help
from gan_lightning.commands.edited import network_file
from gan_lightning.commands.parser import Parser, command_parser, instantiated, parsed
from gan_lightning.commands.stops import Editable, chosen_stops, editable, of_seeds, stop_arguments
from gan_lightning.commands.trained_on import data_of
from gan_lightning.commands.trust import add_checkpoint_options, add_tuned_option, import_trusted, open_checkpoint
from gan_lightning.core.discovery import path_of, subclasses
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.images import save
from gan_lightning.data import ImageData
from gan_lightning.data.class_names import class_number, known_classes
from gan_lightning.editing.attributes import Attribute, attribute_directions, boundary
from gan_lightning.editing.direction_files import write_directions
from gan_lightning.editing.directions import DirectionMethod, Directions, SeFa
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.measures import measures_for
from gan_lightning.editing.purity import Classify, purity, purity_table
from gan_lightning.editing.strip import sweep_sheet
from gan_lightning.evaluation.features.feature_file import Learnt
from gan_lightning.networks.feature_files import PINNED
from gan_lightning.runs.checkpoint import Checkpoint


@dataclass
class DirectionOptions:
    """Directions, and images edited along them.

    Args:
        attributes: Find directions of these in place of the method: names of measures (stroke width, slant, width and
            height of ink in grey images; brightness, contrast, colourfulness, warmth and detail in colour images), or
            of classes, by name or number, that the classifier reads.
        unchanged: Attributes that their directions are to leave as they are.
        positive: Seeds of images with something that you see in them, and negative ones without: --positive 1 5 9
            --negative 2 3. Finds the direction from these to those in place of the method.
        negative: See positive.
        samples: Samples that directions are found from.
        seeds: Whose images to edit: --seeds 1 2 3. If null, 0.
        latents: Edit images of a .npz file in place of seeds, such as those that gan invert has found again.
        labels: For a model with classes, the classes of these images. If null, as in gan predict.
        count: Directions to keep: those that are strongest.
        extent: How far images are moved to either side.
        classifier: Reads classes: MNIST, SecondMNIST or a file that gan fit --config extractor wrote. If null, that of
            the data set that the model was trained on, if the package has one.
        swept: Samples that each direction's purity is measured with.
        folder: The folder for directions.safetensors, directions.md, and a sheet for each edited image.
        overwrite: Write into a folder that already holds files, replacing those of the same name.
        device: cpu, cuda, mps, or auto: a GPU if there is one.
    """

    attributes: list[int | str] | None = None
    unchanged: list[int | str] | None = None
    positive: list[int] | None = None
    negative: list[int] | None = None
    samples: int = 2000
    seeds: list[int] | None = None
    latents: str | None = None
    labels: int | str | list[int | str] | None = None
    count: int = 8
    extent: float = 3.0
    classifier: str | None = None
    swept: int = 64
    folder: str = "directions"
    overwrite: bool = False
    device: str = "auto"


def directions_parser() -> Parser:
    parser = command_parser(
        "directions",
        "Finds directions in latent space along which images change in one way, from a checkpoint alone, and edits "
        "samples or inverted images along them.",
    )
    add_checkpoint_options(parser)
    add_tuned_option(parser)
    parser.add_class_arguments(DirectionOptions)
    parser.add_argument(
        "--method",
        type=DirectionMethod,
        default={"class_path": path_of(SeFa)},
        help="How to find them: SeFa (from the weights) or GANSpace (principal components of activations).",
    )
    parser.choices = {"method": DirectionMethod}
    return parser


def find_directions(command: str, arguments: Sequence[str]) -> None:
    """Writes directions, how pure they are, and a sheet of each edited image."""
    parser = directions_parser()
    words = without_foreign_keys(stop_arguments(arguments), parser.options, command)
    print_class_help(parser, words)
    import_trusted(words)
    made = instantiated(parser, parsed(parser, words))
    check_options(made)
    checkpoint = open_checkpoint(made.ckpt_path)
    source = editable(checkpoint, made.device, made.tuned)
    stops = chosen_stops(made, source, [0])
    classify = classifier(made, checkpoint, source)
    found = found_directions(made, source, classify).strongest(made.count)
    folder = Path(made.folder)
    prepare(folder, made.overwrite, "")
    rows = purity(source.model, found, of_seeds(range(made.swept), source), measured(source), made.extent, classify)
    table = purity_table(rows, made.extent)
    write_directions(folder / "directions.safetensors", found)
    (folder / "directions.md").write_text(f"{table}\n", encoding="utf-8")
    sheets = sheet_names(stops.names)
    for stop, name in zip(one_by_one(stops), sheets, strict=True):
        save(sweep_sheet(source.model, stop, found.vectors, found.names, made.extent), folder / name)
    print(printable(table))
    print(f"wrote directions.safetensors, directions.md and {printable(', '.join(sheets))} into {printable(folder)}")


def check_options(made: Namespace) -> None:
    """Refuses numbers that are too small, and options that contradict each other.

    Raises:
        UserError: Says which.
    """
    for key, least in {"samples": 100, "count": 1, "swept": 2}.items():
        if made[key] < least:
            raise UserError(f"{key} is {made[key]}; it must be at least {least}")
    if not made.extent > 0:
        raise UserError(f"extent is {made.extent:g}; it must be above 0")
    if (made.positive is None) != (made.negative is None):
        raise UserError("positive and negative belong together: give seeds with and seeds without what you see")
    if made.attributes is not None and made.positive is not None:
        raise UserError("attributes and positive are both given: give only one")
    if made.unchanged is not None and made.attributes is None:
        raise UserError("unchanged is given, but no attributes: say what is to change")


def found_directions(made: Namespace, source: Editable, classify: Classify | None) -> Directions:
    """Returns the directions that are asked for."""
    if made.positive is not None:
        more, less = (of_seeds(seeds, source).z for seeds in (made.positive, made.negative))
        return Directions(boundary(more, less)[None], torch.ones(1), ["from negative to positive"])
    z, y, _ = of_seeds(range(made.samples), source)
    if made.attributes is None:
        return made.method.find(source.model, z, y)
    asked, unchanged = (
        [attribute(name, source, classify) for name in names or []] for names in (made.attributes, made.unchanged)
    )
    return attribute_directions(source.model, asked, z, y, unchanged)


def measured(source: Editable) -> dict:
    return dict(measures_for(source.model.generator.image_shape[0]))


def attribute(name: int | str, source: Editable, classify: Classify | None) -> Attribute:
    """Returns a measure or a class by its name.

    Raises:
        UserError: There is none of this name.
    """
    measures = measured(source)
    if name in measures:
        return Attribute(str(name), measures[name])
    if classify is None:
        raise UserError(f"attributes: there is no measure {name} ({', '.join(measures)}), and no classifier that reads "
                        "classes: name one with --classifier")  # fmt: skip
    if isinstance(name, str) and name not in source.class_names:
        raise UserError(f"attributes: there is no measure {name} ({', '.join(measures)}); as a class, "
                        f"{known_classes(name, source.class_names)}")  # fmt: skip
    label = class_number(name, source.class_names, "attributes")

    def score(x: Tensor) -> Tensor:
        chances = classify(x)
        if not 0 <= label < chances.shape[1]:
            raise UserError(f"attributes: there is no class {label}: the classifier knows 0 to {chances.shape[1] - 1}")
        return torch.logit(chances[:, label].double(), eps=1e-9)

    return Attribute(f"class {name}", score)


def classifier(made: Namespace, checkpoint: Checkpoint, source: Editable) -> Classify | None:
    """Returns what reads classes from images; None if nothing does.

    Raises:
        UserError: The file that is named holds no classifier of such images.
    """
    path = (data_of(checkpoint) or {}).get("class_path")
    name = made.classifier or next((data.extractor for data in subclasses(ImageData) if path_of(data) == path), None)
    if name is None or (made.classifier is None and name not in PINNED):
        return None
    found = Learnt(network_file("classifier", name, "MNIST, SecondMNIST"))
    if found.network.image_shape != tuple(source.model.generator.image_shape) or not found.network.classes:
        raise UserError(f"classifier is {name}, which reads no classes from images of this model: train one with "
                        "gan fit --config extractor")  # fmt: skip

    def classify(x: Tensor) -> Tensor:
        chances = [found.extract(some).probabilities for some in x.split(500)]
        return torch.cat([some for some in chances if some is not None])

    return classify


def sheet_names(names: Sequence[str]) -> list[str]:
    """Returns a file name for each image: letters and digits of its own name, and its number if two have the same."""
    plain = [re.sub(r"[^\w-]+", "-", Path(name).stem)[:60].strip("-") or "image" for name in names]
    return [f"{name}.png" if plain.count(name) == 1 else f"{name}-{number}.png" for number, name in enumerate(plain)]


def one_by_one(stops: Latents) -> Iterator[Latents]:
    """Yields each latent by itself."""
    for n in range(len(stops.z)):
        yield Latents(stops.z[n : n + 1], None if stops.y is None else stops.y[n : n + 1], stops.names[n : n + 1])
