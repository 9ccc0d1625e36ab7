"""`gan fit`."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from jsonargparse import Namespace
from jsonargparse.typing import restricted_number_type
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.loggers import Logger, TensorBoardLogger

from gan_lightning import checkpoints
from gan_lightning.callbacks import (
    Announcement,
    CollapseGuard,
    Cost,
    FeatureWriter,
    Judgement,
    KeepCheckpoints,
    LossCurves,
    PlanePicture,
    Progress,
    Reconstructions,
    SampleGrid,
)
from gan_lightning.callbacks.run_folder import check_folder, run_folder
from gan_lightning.callbacks.signals import at_once_while_starting
from gan_lightning.commands.kind import DEFAULTS, KINDS, kind_of
from gan_lightning.commands.parser import Parser, command_parser, instantiated
from gan_lightning.commands.resume import Settings, Start, announce, start
from gan_lightning.commands.trainer import options_of, trainer_with
from gan_lightning.data import ImageData, Plane, PointData
from gan_lightning.errors import TroubleError, UserError
from gan_lightning.learner import Learner, check_kind
from gan_lightning.loggers import MetricsTable, continue_table
from gan_lightning.model import Model
from gan_lightning.networks import Discriminator, FeatureNetwork, Generator

Seed = restricted_number_type("Seed", int, [(">=", 0), ("<=", 2**32 - 1)])

LENGTH = 20_000
"""Iterations of a training that was told neither epochs, steps nor time."""


def fit_parser(kind: type[Learner]) -> Parser:
    parser = command_parser(
        "fit",
        "Trains a GAN, a VAE, a VAE-GAN or a feature network. Options override the --config files, which override "
        "each other in order.",
    )
    parser.add_argument(
        "--kind",
        choices=[*KINDS],
        default=kind.__name__,
        help="What is trained. The options of model are those of this kind: --kind VAE --help lists a VAE's.",
    )
    parser.add_argument(
        "--seed", type=Seed, default=0, help="Fixes the weights, the order of the images and the noise."
    )
    parser.add_argument(
        "--ckpt_path",
        type=str | None,
        default=None,
        help="Where to go on: a checkpoint, a run's folder, or last: the newest run's newest, if there is one yet.",
    )
    parser.add_argument("--data", type=ImageData, required=True, help="The images to learn from.")
    parser.add_class_arguments(kind, "model")
    if issubclass(kind, Model):
        parser.add_class_arguments(SampleGrid, "grid")
        parser.add_class_arguments(Judgement, "judge")
        parser.add_class_arguments(CollapseGuard, "guard")
    parser.add_class_arguments(KeepCheckpoints, "checkpoint")
    parser.add_class_arguments(Trainer, "trainer", instantiate=False, fail_untyped=False)
    parser.link_arguments("seed", "model.seed")
    parser.link_arguments("seed", "data.init_args.seed")
    for name, hint in get_type_hints(kind.__init__).items():
        if hint in (Generator, Discriminator, FeatureNetwork):
            parser.link_arguments("data.image_shape", f"model.{name}.init_args.image_shape", apply_on="instantiate")
    parser.set_defaults(DEFAULTS[kind])
    return parser


def fit(command: str, arguments: Sequence[str]) -> None:
    """Trains, then says what was written where."""
    parser = fit_parser(kind_of(arguments))
    config = parser.parse_args(arguments)
    seed_everything(config.seed, verbose=False)
    made = instantiated(parser, config)
    begin = start(config.ckpt_path, made.trainer.default_root_dir)
    if begin.content is not None:  # what is wrong with it is said in one line, and before anything is written
        check_kind(begin.content, made.model, str(begin.checkpoint))
        checkpoints.check_fits(begin.content["state_dict"], made.model, str(begin.checkpoint))
        if isinstance(made.data, PointData) and (plane := Plane.in_checkpoint(begin.content)):
            made.data.load_state_dict({"plane": asdict(plane)})  # Lightning does so only for data of the same class
    words = yaml.safe_load(parser.dump(config))
    words.pop("ckpt_path", None)
    check_folder(Path(made.trainer.default_root_dir or "."), "trainer.default_root_dir", "a run")
    trainer = fit_trainer(made, begin, words)
    folder = run_folder(trainer)
    new = not folder.exists()
    writes = trainer.is_global_zero and not made.trainer.fast_dev_run
    if begin.checkpoint is None and not made.trainer.fast_dev_run and (folder / "checkpoints" / "last.ckpt").exists():
        raise UserError(
            f"{folder} holds a run already: go on with --ckpt_path {folder}, or choose another folder with "
            "--trainer.default_root_dir"
        )
    if trainer.is_global_zero:
        announce(begin, config.ckpt_path, words, folder)
    if writes and begin.before:
        continue_table(begin.before / "metrics.csv", folder / "metrics.csv", begin.iteration)
    started = time.monotonic()
    try:
        with at_once_while_starting(trainer.world_size):
            trainer.fit(made.model, datamodule=made.data, ckpt_path=begin.checkpoint, weights_only=True)
    except TroubleError:
        if writes and trainer.global_step > begin.iteration:
            report(folder, trainer.global_step - begin.iteration, time.monotonic() - started)
        raise
    except BaseException:
        if writes and new and trainer.global_step == begin.iteration:  # refused, or stopped, before anything was learnt
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if writes:
        report(folder, trainer.global_step - begin.iteration, time.monotonic() - started)


def fit_trainer(made: Namespace, begin: Start, words: dict[str, Any]) -> Trainer:
    options = options_of(made.trainer)
    ours: list[Callback] = [] if options["fast_dev_run"] else pictures(made)  # a trial leaves no files
    if options["enable_progress_bar"] is not False:
        ours += [Announcement(), Progress()]
    samples = isinstance(made.model, Model)
    ours = [Cost(), *([made.judge] if samples else []), *ours]
    theirs = options["callbacks"] or []
    options["callbacks"] = [*ours, *(theirs if isinstance(theirs, list) else [theirs])]
    if not options["fast_dev_run"]:
        options["callbacks"] += [Settings(words), *([made.guard] if samples else [])]
        if options["enable_checkpointing"] is not False:
            options["callbacks"].append(made.checkpoint)  # last: it saves what the others know
    if options["max_epochs"] is None and options["max_steps"] == -1 and options["max_time"] is None:
        options["max_steps"] = LENGTH
    options["enable_model_summary"] = options["enable_model_summary"] or False
    if options["logger"] in (None, True):
        options["logger"] = default_loggers(options["default_root_dir"] or ".", begin)
    return trainer_with(options)


def pictures(made: Namespace) -> list[Callback]:
    """What draws a run, and what it leaves besides."""
    if not isinstance(made.model, Model):
        return [LossCurves(), FeatureWriter()]
    if isinstance(made.data, PointData):
        return [PlanePicture(made.grid.every_n_steps), LossCurves()]
    beside = [Reconstructions(made.grid.every_n_steps)] if hasattr(made.model, "reconstruct") else []
    return [made.grid, LossCurves(), *beside]


def default_loggers(root: str | Path, begin: Start) -> list[Logger]:
    """TensorBoard and metrics.csv, both in lightning_logs/version_N, or in the folder of the run that goes on."""
    # what TensorBoard knows of iterations that are trained again is not shown
    undone: dict[str, Any] = {"purge_step": begin.iteration + 1} if begin.folder else {}
    folder = begin.folder or Path(TensorBoardLogger(root, name="lightning_logs").log_dir)
    tensorboard = TensorBoardLogger(folder.parent, name="", version=folder.name, **undone)
    return [tensorboard, MetricsTable(folder)]


def report(folder: Path, iterations: int, seconds: float) -> None:
    """The paths of what a training wrote, and what to do with them."""
    checkpoint = folder / "checkpoints" / "last.ckpt"
    minutes, rest = divmod(round(seconds), 60)
    if iterations:
        print(f"\n{iterations:,} iterations in {minutes} min {rest} s")
    else:
        print("\nnothing to do: the checkpoint has all iterations that trainer.max_steps or trainer.max_epochs allow")
    for name, path in {
        "samples": max(folder.glob("grids/*.png"), default=folder),
        "beside": max(folder.glob("reconstructions/*.png"), default=folder),
        "animation": folder / "training.gif",
        "curves": folder / "losses.png",
        "numbers": folder / "metrics.csv",
        "config": folder / "config.yaml",
        "features": folder / "features.safetensors",
        "model": checkpoint,
    }.items():
        if path.is_file():
            print(f"  {name:10}{path}")
    if (folder / "features.safetensors").is_file():
        print(f"\njudge with it:  gan test --ckpt_path MODEL --judge.extractor {folder / 'features.safetensors'}")
    elif checkpoint.is_file():
        print(f"\nmake samples:  gan predict --ckpt_path {checkpoint}")
        print(f"judge them:    gan test --ckpt_path {checkpoint}")
