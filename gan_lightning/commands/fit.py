"""`gan fit`."""

import time
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import Namespace
from jsonargparse.typing import restricted_number_type
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from gan_lightning import checkpoints
from gan_lightning.callbacks import Announcement, LastCheckpoint, LossCurves, Progress, SampleGrid
from gan_lightning.callbacks.run_folder import run_folder
from gan_lightning.commands.parser import Parser, command_parser
from gan_lightning.commands.trainer import options_of, trainer_with
from gan_lightning.data import ImageData
from gan_lightning.gan import GAN

ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 2e-4, "betas": [0.5, 0.999]}}
CLASSIC = {
    "model.generator": {"class_path": "MLPGenerator"},
    "model.discriminator": {"class_path": "MLPDiscriminator"},
    "model.objective": {"class_path": "NonSaturating", "init_args": {"discriminator_weight": 0.5}},
    "model.generator_optimizer": ADAM,
    "model.discriminator_optimizer": ADAM,
}
"""What `gan fit` trains if nothing else is said: the defaults of `GAN`, in the words of a config."""

Seed = restricted_number_type("Seed", int, [(">=", 0), ("<=", 2**32 - 1)])

LENGTH = 20_000
"""Iterations of a training that was told neither epochs, steps nor time."""


def fit_parser() -> Parser:
    parser = command_parser(
        "fit", "Trains a GAN. Options override the --config files, which override each other in order."
    )
    parser.add_argument(
        "--seed", type=Seed, default=0, help="Fixes the weights, the order of the images and the noise."
    )
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
    made = Namespace(parser.instantiate(config))
    if config.ckpt_path is not None:  # what is wrong with it is said in one line, and first
        checkpoints.check_fits(checkpoints.read(config.ckpt_path)["state_dict"], made.model, config.ckpt_path)
    trainer = fit_trainer(made)
    folder = run_folder(trainer)
    writes = trainer.is_global_zero and not made.trainer.fast_dev_run
    if writes:
        folder.mkdir(parents=True, exist_ok=True)
        parser.save(config, folder / "config.yaml", overwrite=True, multifile=False)
    started = time.monotonic()
    trainer.fit(made.model, datamodule=made.data, ckpt_path=config.ckpt_path, weights_only=True)
    if writes:
        report(folder, trainer.global_step, time.monotonic() - started)


def fit_trainer(made: Namespace) -> Trainer:
    options = options_of(made.trainer)
    ours: list[Callback] = [] if options["fast_dev_run"] else [made.grid, LossCurves()]  # a trial leaves no files
    if options["enable_checkpointing"] is not False and not options["fast_dev_run"]:
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
