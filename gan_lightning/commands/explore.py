"""`gan explore`."""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from jsonargparse import Namespace

from gan_lightning.commands.arguments import sample_arguments, without_foreign_keys
from gan_lightning.commands.class_help import print_class_help
from gan_lightning.commands.evaluate import names_data
from gan_lightning.commands.parser import Parser, command_parser, instantiated, parsed
from gan_lightning.commands.trained_on import data_of
from gan_lightning.commands.trust import (
    add_checkpoint_options,
    add_tuned_option,
    asked,
    import_trusted,
    open_checkpoint,
)
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.images import ImageShape
from gan_lightning.data import ImageData
from gan_lightning.page.explorer import Explorer
from gan_lightning.page.server import LOOPBACK, address, ended_by_signals, listening, server_of
from gan_lightning.page.training_images import TrainingImages
from gan_lightning.runs.checkpoint import Checkpoint

EXPLORE_EXTRA = 'pip install "gan-lightning[explore]"'
"""What installs gradio."""


@dataclass
class ExploreOptions:
    """The page, and who may see it.

    Args:
        directions: A directions.safetensors that gan directions wrote, such as those of attributes, for the sliders.
        host: Where the page can be reached. On 127.0.0.1, only from this machine; on 0.0.0.0, by everybody who can
            reach it, without a password.
        port: The port; 0 for any that is free.
        device: cpu, cuda, mps, or auto: a GPU if there is one.
    """

    directions: str | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    device: str = "auto"


def explore_parser() -> Parser:
    parser = command_parser(
        "explore",
        "Opens a page for a browser, from a checkpoint alone: sliders for seed, class, truncation, directions and "
        "coordinates, the way between two seeds, pictures found again and completed. Ctrl-C ends it.",
    )
    add_checkpoint_options(parser)
    add_tuned_option(parser)
    parser.add_class_arguments(ExploreOptions)
    parser.add_argument(
        "--data",
        type=ImageData | None,
        default=None,
        help="The training images, among which the page finds the nearest ones. If null, those of the checkpoint's "
        "run, if they are still there.",
    )
    parser.choices = {"data": ImageData}
    return parser


def explore(command: str, arguments: Sequence[str]) -> None:
    """Serves the page until it is stopped."""
    parser = explore_parser()
    words = without_foreign_keys(sample_arguments(arguments), parser.options, command)
    print_class_help(parser, words)
    import_trusted(words)
    path = asked(words, "--ckpt_path")
    checkpoint = None if path is None else open_checkpoint(path)
    own = None if checkpoint is None else data_of(checkpoint)
    if own is not None:
        parser.set_defaults({"data": own})
    made = instantiated(parser, parsed(parser, words))
    assert checkpoint is not None, "the parser asks for one"
    if find_spec("gradio") is None:
        raise UserError(f"the page needs gradio: {EXPLORE_EXTRA}")
    serve(made, checkpoint, names_data(words))


def training_images(data: ImageData | None, image_shape: ImageShape, named: bool) -> TrainingImages | None:
    """Returns the training images, if they are at hand.

    Args:
        data: Where they are.
        image_shape: Of the model's images.
        named: Whether the user names them, not only the checkpoint, for which nothing is downloaded.

    Raises:
        UserError: Those that the user names are of another shape.
    """
    if data is None:
        return None
    if named and tuple(data.image_shape) != tuple(image_shape):
        raise UserError(f"data has images of {tuple(data.image_shape)}, and this model makes {tuple(image_shape)}: give"
                        " the data that it was trained on")  # fmt: skip
    if named:
        data.prepare_data()
    root = getattr(data, "root", None)
    there = tuple(data.image_shape) == tuple(image_shape) and (root is None or Path(root).exists())
    return TrainingImages(data) if there else None


def serve(made: Namespace, checkpoint: Checkpoint, named: bool) -> None:
    """Serves the page until it is stopped."""
    with ExitStack() as opened:
        opened.enter_context(ended_by_signals())
        found = opened.enter_context(listening(made.host, made.port))
        os.environ |= {
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_TEMP_DIR": opened.enter_context(TemporaryDirectory(prefix="gan-explore-")),
        }
        explorer = Explorer(checkpoint, made.device, made.directions, made.tuned)
        opened.callback(explorer.searches.stop)
        explorer.training = training_images(made.data, explorer.image_shape, named)
        from gan_lightning.page.application import web_application  # gradio reads the environment once

        title = printable(checkpoint.path if made.tuned is None else f"{checkpoint.path}, changed by {made.tuned}")
        server = server_of(web_application(explorer, title), made.host)
        print(f"{title} is at {address(made.host, found)} (Ctrl-C ends it)", flush=True)
        if made.host not in LOOPBACK:
            print("everybody who can reach this machine can see it", file=sys.stderr)
        server.run(sockets=[found])
