"""What the commands do."""

import importlib
import logging
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from gan_lightning import checkpoints
from gan_lightning.callbacks import Announcement, LastCheckpoint, LossCurves, Progress, SampleGrid, SampleWriter
from gan_lightning.callbacks.run_folder import run_folder
from gan_lightning.data import ImageData
from gan_lightning.errors import UserError
from gan_lightning.gan import GAN
from gan_lightning.parser import Parser, command_parser
from gan_lightning.sampling import seed_loader

ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 2e-4, "betas": [0.5, 0.999]}}
CLASSIC = {
    "model.generator": {"class_path": "MLPGenerator"},
    "model.discriminator": {"class_path": "MLPDiscriminator"},
    "model.objective": {"class_path": "NonSaturating", "init_args": {"discriminator_weight": 0.5}},
    "model.generator_optimizer": ADAM,
    "model.discriminator_optimizer": ADAM,
}
"""What `gan fit` trains if nothing else is said: the defaults of `GAN`, in the words of a config."""

LENGTH = 20_000
"""Iterations of a training that was told neither epochs, steps nor time."""

JUDGING = (
    "This version does not judge yet. `gan {command} --ckpt_path FILE` will compare samples of the averaged generator "
    "with held-out images: Fréchet distance, kernel distance, precision and recall, density and coverage, "
    "authenticity, each with its n, its interval and its floor (real images against real images)."
)


def run(command: str, arguments: Sequence[str]) -> None:
    """Runs a command. A user's mistake ends it with one line and status 2.

    Args:
        command: fit, predict, validate or test.
        arguments: What follows the command.
    """
    quieten()
    try:
        {"fit": fit, "predict": predict, "validate": judge, "test": judge}[command](command, arguments)
    except (UserError, MisconfigurationException) as error:
        print(f"gan {command}: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)


def quieten() -> None:
    """Keeps Lightning's advertisements and its advice on other programs out of the output."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    for message in (
        r".*isinstance\(treespec, LeafSpec\)",  # Lightning 2.6.6 with torch 2.15
        r".*does not have many workers",
        r"This DataLoader will create",
        r".*smaller than the logging interval",
        r"Experiment logs directory .* exists",  # two loggers share the run's folder
        r"Checkpoint directory .* exists",
        r"Using ModelCheckpoint with manual optimization",  # it would have the state before the step
    ):
        warnings.filterwarnings("ignore", message=message)


# ---- gan fit ------------------------------------------------------------------------------------------------------


def fit_parser() -> Parser:
    parser = command_parser(
        "fit", "Trains a GAN. Options override the --config files, which override each other in order."
    )
    parser.add_argument("--seed", type=int, default=0, help="Fixes the weights, the order of the images and the noise.")
    parser.add_argument("--ckpt_path", type=str | None, default=None, help="A checkpoint from which to go on.")
    parser.add_argument("--data", type=ImageData, required=True, help="The images to learn from.")
    parser.add_class_arguments(GAN, "model")
    parser.add_class_arguments(SampleGrid, "grid")
    parser.add_class_arguments(LastCheckpoint, "checkpoint")
    parser.add_class_arguments(Trainer, "trainer", instantiate=False, fail_untyped=False)
    parser.link_arguments("seed", "model.seed")
    parser.link_arguments("seed", "data.init_args.seed")
    for player in ("generator", "discriminator"):
        parser.link_arguments("data.image_shape", f"model.{player}.init_args.image_shape", apply_on="instantiate")
    parser.set_defaults(CLASSIC)
    return parser


def fit(command: str, arguments: Sequence[str]) -> None:
    """Trains, then says what was written where."""
    parser = fit_parser()
    config = parser.parse_args(arguments)
    seed_everything(config.seed, verbose=False)
    if config.ckpt_path is not None:
        checkpoints.read(config.ckpt_path)  # so that what is wrong with it is said in one line, and first
    made = Namespace(parser.instantiate(config))
    trainer = fit_trainer(made)
    folder = run_folder(trainer)
    if trainer.is_global_zero:
        folder.mkdir(parents=True, exist_ok=True)
        parser.save(config, folder / "config.yaml", overwrite=True, multifile=False)
    started = time.monotonic()
    trainer.fit(made.model, datamodule=made.data, ckpt_path=config.ckpt_path, weights_only=True)
    if trainer.is_global_zero:
        report(folder, trainer.global_step, time.monotonic() - started)


def fit_trainer(made: Namespace) -> Trainer:
    options = dict(made.trainer.items(branches=True, nested=False))
    ours: list[Callback] = [made.grid, LossCurves()]
    if options["enable_checkpointing"] is not False:
        ours.append(made.checkpoint)
    if options["enable_progress_bar"] is not False:
        ours += [Announcement(), Progress()]
    theirs = options["callbacks"] or []
    options["callbacks"] = ours + (theirs if isinstance(theirs, list) else [theirs])
    if options["max_epochs"] is None and options["max_steps"] == -1 and options["max_time"] is None:
        options["max_steps"] = LENGTH
    options["enable_model_summary"] = options["enable_model_summary"] or False
    if options["logger"] in (None, True):
        options["logger"] = default_loggers(options["default_root_dir"] or ".")
    return trainer_with(options)


def trainer_with(options: dict[str, Any]) -> Trainer:
    try:
        return Trainer(**options)
    except (MisconfigurationException, ImportError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"the trainer refuses its options: {error}") from error


def default_loggers(root: str | Path) -> list[Logger]:
    """TensorBoard and metrics.csv, both in lightning_logs/version_N."""
    tensorboard = TensorBoardLogger(root, name="lightning_logs")
    return [tensorboard, CSVLogger(root, name="lightning_logs", version=tensorboard.version)]


def report(folder: Path, iterations: int, seconds: float) -> None:
    """The paths of what a training wrote, and what to do with them."""
    checkpoint = folder / "checkpoints" / "last.ckpt"
    minutes, rest = divmod(round(seconds), 60)
    print(f"\n{iterations:,} iterations in {minutes} min {rest} s")
    for name, path in {
        "samples": max(folder.glob("grids/*.png"), default=folder),
        "animation": folder / "training.gif",
        "curves": folder / "losses.png",
        "numbers": folder / "metrics.csv",
        "config": folder / "config.yaml",
        "model": checkpoint,
    }.items():
        if path.is_file():
            print(f"  {name:10}{path}")
    if checkpoint.is_file():
        print(f"\nmake samples:  gan predict --ckpt_path {checkpoint}")


# ---- gan predict --------------------------------------------------------------------------------------------------


MACHINE = ("accelerator", "devices", "num_nodes", "strategy", "enable_progress_bar")
"""What there is to say to the trainer when it makes samples."""


@dataclass
class Samples:
    """Which samples to make, and where to write them.

    Args:
        count: How many.
        first_seed: The first sample's number. Image n depends on its number alone.
        batch_size: Samples made at a time. It changes the memory needed, not the images.
        folder: Where to write 0000.png and so on, named by number, and grid.png.
        npz: Also write samples.npz: `images` uint8 (N, H, W, C) and `seeds` int64 (N,).
        overwrite: Write into a folder that holds files already; those of the same name are replaced.
    """

    count: int = 64
    first_seed: int = 0
    batch_size: int = 64
    folder: str = "samples"
    npz: bool = False
    overwrite: bool = False


def predict_parser() -> Parser:
    parser = command_parser(
        "predict", "Makes samples from a checkpoint file alone: it needs no data, no config and no GPU."
    )
    parser.add_argument("--ckpt_path", type=str, required=True, help="The checkpoint file.")
    parser.add_class_arguments(Samples, "samples")
    parser.add_argument(
        "--trust",
        type=list[str],
        default=[],
        help="Classes of your own that the checkpoint names, as module.Class. Their modules will be imported; a "
        "checkpoint cannot import anything by itself.",
    )
    others = set(signature(Trainer).parameters) - {*MACHINE}
    parser.add_class_arguments(Trainer, "trainer", skip=others, instantiate=False, fail_untyped=False)
    return parser


def predict(command: str, arguments: Sequence[str]) -> None:
    """Writes samples."""
    parser = predict_parser()
    made = Namespace(parser.instantiate(parser.parse_args(arguments)))
    samples: Samples = made.samples
    trust(made.trust)
    seeds = seed_loader(samples.first_seed, samples.count, samples.batch_size)
    writer = SampleWriter(
        range(samples.first_seed, samples.first_seed + samples.count), samples.folder, samples.npz, samples.overwrite
    )
    model = GAN.load_from_checkpoint(made.ckpt_path)
    trainer = trainer_with({**made.trainer.as_dict(), "callbacks": [writer], "logger": False})
    trainer.predict(model, seeds, return_predictions=False)
    if trainer.is_global_zero:
        archive = ", samples.npz" if samples.npz else ""
        print(f"wrote {samples.count} images{archive} and grid.png into {samples.folder}")


def trust(class_paths: Sequence[str]) -> None:
    """Imports the modules of classes that a checkpoint may name."""
    for class_path in class_paths:
        module = class_path.rpartition(".")[0]
        try:
            importlib.import_module(module)
        except (ImportError, ValueError) as error:
            raise UserError(f"trust names {class_path}, but {error}: write module.Class") from error


# ---- gan validate, gan test ---------------------------------------------------------------------------------------


def judge(command: str, arguments: Sequence[str]) -> None:
    """Says what will be measured."""
    print(JUDGING.format(command=command))
