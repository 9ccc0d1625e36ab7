"""Builds the model, the data and the trainer of an experiment from options."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml
from jsonargparse import Namespace
from jsonargparse.typing import restricted_number_type
from lightning.pytorch import Callback, LightningDataModule, Trainer, seed_everything
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from torch import Tensor

from gan_lightning.callbacks import (
    CollapseGuard,
    Cost,
    CycleGrid,
    CycleGuard,
    CycleJudgement,
    FeatureWriter,
    Judgement,
    KeepCheckpoints,
    LossCurves,
    PlanePicture,
    Progress,
    Reconstructions,
    RunSummary,
    SampleGrid,
    TranslationGrid,
    TranslationGuard,
    TranslationJudgement,
)
from gan_lightning.callbacks.config_writer import ConfigWriter
from gan_lightning.commands.arguments import fit_arguments
from gan_lightning.commands.class_help import print_class_help
from gan_lightning.commands.kinds import Kind, defaults, hints_of, kind_of, kinds, lists, pieces, short_name
from gan_lightning.commands.parser import Parser, command_parser, instantiated, nested, parsed
from gan_lightning.commands.trainer import MatmulPrecision, trainer_with
from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData, PointData
from gan_lightning.models.cycle_translator import CycleTranslator
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.models.translator import Translator
from gan_lightning.networks import Discriminator, Generator, ImageFeatures, ImageToImage
from gan_lightning.runs.claim import claim_folder
from gan_lightning.runs.locate import Start
from gan_lightning.runs.metrics_csv import MetricsTable
from gan_lightning.training.alternating import AlternatingModule
from gan_lightning.training.batch_checks import images_of

Seed = restricted_number_type("Seed", int, [(">=", 0), ("<=", 2**32 - 1)])

LENGTH = 20_000
"""Iterations of a training run without a limit on epochs, steps or time."""

DESCRIPTION = (
    "Trains a GAN, a VAE, a VAE-GAN, a translator or a feature network. Options override the --config files, which "
    "override each other in order. gan fit FOLDER [--size PIXELS] [--hours HOURS] trains on a folder or a .zip of "
    "images for an hour or as long as asked, and chooses all else itself; options override what it chooses."
)

WATCHERS: dict[type, dict[str, type[Callback]]] = {
    GenerativeModel: {"grid": SampleGrid, "judge": Judgement, "guard": CollapseGuard},
    Translator: {"grid": TranslationGrid, "judge": TranslationJudgement, "guard": TranslationGuard},
    CycleTranslator: {"grid": CycleGrid, "judge": CycleJudgement, "guard": CycleGuard},
}
"""What watches a training run, by the kind of model and the name of its options."""


@dataclass
class Experiment:
    """A model, its data, and how it is trained: the options of `gan fit` as objects.

    Args:
        model: The model to train.
        data: The data it learns from.
        options: All other objects built from the options, by name.
        settings: The options themselves, as plain values, as in config.yaml.
    """

    model: AlternatingModule
    data: LightningDataModule
    options: Namespace
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def is_trial(self) -> bool:
        """Whether this is a fast_dev_run, which writes no files."""
        return bool(self.options.trainer.fast_dev_run)

    @property
    def root(self) -> str | Path | None:
        """The folder that holds lightning_logs; None for the working directory."""
        return self.options.trainer.default_root_dir

    def trainer(self, begin: Start | None = None) -> Trainer:
        """Returns Lightning's trainer with all callbacks and loggers of `gan fit`.

        Args:
            begin: Where training starts; at the beginning if None.
        """
        options = nested(self.options.trainer)
        theirs = options["callbacks"] or []
        theirs = theirs if isinstance(theirs, list) else [theirs]
        watched = isinstance(self.model, tuple(WATCHERS))
        bar = options["enable_progress_bar"] is not False
        options["callbacks"] = [
            Cost(),
            *([self.options.judge] if watched else []),
            *([] if self.is_trial else self.pictures()),
            *([RunSummary(), Progress()] if bar else []),
            *theirs,
        ]
        if not self.is_trial:
            options["callbacks"] += [ConfigWriter(self.settings), *([self.options.guard] if watched else [])]
            if options["enable_checkpointing"] is not False:
                options["callbacks"].append(self.options.checkpoint)  # last, as it saves the state of the others
        if options["max_epochs"] is None and options["max_steps"] == -1 and options["max_time"] is None:
            options["max_steps"] = LENGTH
        options["enable_model_summary"] = options["enable_model_summary"] or False
        options["default_root_dir"] = self.root
        if options["logger"] not in (None, True) or self.is_trial:
            return trainer_with(options)
        trainer = trainer_with(options | {"logger": False})  # it knows whether this is the first process
        trainer.loggers = default_loggers(Path(self.root or ".", "lightning_logs"), begin or Start(), trainer)
        return trainer

    def pictures(self) -> list[Callback]:
        """Returns the callbacks that draw the run."""
        if isinstance(self.model, (CycleTranslator, Translator)):
            return [self.options.grid, LossCurves()]
        if not isinstance(self.model, GenerativeModel):
            return [LossCurves(), FeatureWriter()]
        grid = self.options.grid
        if isinstance(self.data, PointData):
            return [PlanePicture(grid.every_n_steps), LossCurves()]
        rebuilds = hasattr(self.model, "reconstruct") and isinstance(self.data, ImageData)
        return [grid, LossCurves(), *([Reconstructions(grid.every_n_steps)] if rebuilds else [])]


def from_config(*configs: str | Path, **options: Any) -> Experiment:
    """Returns the experiment that `gan fit` would train with these configs: its model, data and trainer.

    ```python
    experiment = from_config("mnist", "overlays/r3", **{"trainer.max_steps": 1000})
    experiment.trainer().fit(experiment.model, experiment.data)
    ```

    Args:
        *configs: YAML files, or names of configs of the package; later ones override earlier ones.
        **options: Options that override the configs, by their names on the command line, such as `seed` or
            `{"model.discriminator_steps": 2}`.

    Raises:
        UserError: A config or an option is refused.
    """
    arguments = [word for config in configs for word in ("--config", str(config))]
    arguments += [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in options.items()]
    return experiment_of(arguments, exit_on_error=False)


def experiment_of(arguments: Sequence[str], exit_on_error: bool = True) -> Experiment:
    """Builds the experiment from the arguments of `gan fit`.

    Args:
        arguments: As the user typed them.
        exit_on_error: Whether a mistake ends the process, as on the command line, or raises `UserError`.
    """
    words = fit_arguments(arguments)
    parser = fit_parser(kind_of(words))
    parser.raises = not exit_on_error
    print_class_help(parser, words)
    config = parsed(parser, words)
    seed_everything(config.seed, verbose=False)
    made = instantiated(parser, config)
    settings = yaml.safe_load(parser.dump(config))
    settings.pop("ckpt_path", None)
    return Experiment(made.model, made.data, made, settings)


def fit_parser(kind: Kind) -> Parser:
    """Returns the parser of `gan fit` for one kind of model."""
    parser = command_parser("fit", DESCRIPTION)
    parser.add_argument(
        "--kind",
        type=str,
        default=short_name(kind),
        help=f"The kind of model: {', '.join(kinds())}, or a model of your own as module.Class. It decides which "
        "options model has: --kind VAE --help lists a VAE's.",
    )
    parser.add_argument(
        "--seed", type=Seed, default=0, help="Fixes the weights, the order of the images and the noise."
    )
    parser.add_argument(
        "--ckpt_path",
        type=str | None,
        default=None,
        help="Where to resume: a checkpoint, a run's folder, or last, the newest checkpoint of the newest run (if "
        "there is none, training starts from the beginning).",
    )
    parser.add_argument(
        "--start_from",
        type=str | None,
        default=None,
        help="Whose weights a new run begins with: a checkpoint, a run's folder, or last. The networks that both runs "
        "have must have the same options, but a discriminator of another class begins anew, as do iterations, "
        "optimizers and schedules.",
    )
    parser.add_argument(
        "--data",
        type=LightningDataModule,
        required=True,
        help="The training images: a data set of the package, a folder of images, or a class of your own.",
    )
    parser.add_class_arguments(kind, "model")
    for base, watchers in WATCHERS.items():
        for name, watcher in watchers.items() if issubclass(kind, base) else ():
            parser.add_class_arguments(watcher, name)
    parser.add_class_arguments(KeepCheckpoints, "checkpoint")
    parser.add_class_arguments(Trainer, "trainer", instantiate=False, fail_untyped=False)
    parser.add_argument(
        "--trainer.matmul_precision",
        type=MatmulPrecision | None,
        default=None,
        help="How a GPU multiplies 32-bit numbers: highest in 32 bits; high with TF32, ten bits of fraction; medium "
        "may use fewer. If null, as torch does: matrices in 32 bits, convolutions with TF32.",
    )
    parser.link_arguments("seed", "model.seed")
    parser.link_arguments("seed", "data.init_args.seed")
    for name, hint in hints_of(kind).items():
        if {hint, *get_args(hint)} & {Generator, Discriminator, ImageFeatures, ImageToImage}:
            parser.link_arguments("data", f"model.{name}.init_args.image_shape", image_shape_of, apply_on="instantiate")
    parser.set_defaults(defaults(kind))
    parser.choices = {"data": ImageData, **{f"model.{name}": base for name, base in pieces(kind).items()}}
    parser.lists = tuple(f"model.{name}" for name in lists(kind))
    return parser


def image_shape_of(data: LightningDataModule) -> tuple[int, int, int]:
    """Returns channels, height and width of the images: what the data says, else those of its first batch.

    Raises:
        UserError: The first batch does not hold images.
    """
    if (shape := getattr(data, "image_shape", None)) is not None:
        return shape
    data.prepare_data()
    data.setup("fit")
    images: Any = images_of(next(iter(data.train_dataloader())))
    if not isinstance(images, Tensor) or images.dim() != 4:
        what = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise UserError(
            f"the first batch of {type(data).__name__} holds {what}, but a batch must be images (N, C, H, W) in "
            "[-1, 1], or a pair of images and labels (N,): change its train_dataloader"
        )
    channels, height, width = images.shape[1:]
    return channels, height, width


def default_loggers(logs: Path, begin: Start, trainer: Trainer) -> list[Logger]:
    """Returns TensorBoard and metrics.csv, both in the folder of the resumed run, or in a new one, version_N.

    Args:
        logs: The folder of all runs.
        begin: Where training starts.
        trainer: The trainer of this process. Only the first process needs to know the folder.
    """
    # TensorBoard must not show earlier results of iterations that are trained again
    undone: dict[str, Any] = {"purge_step": begin.iteration + 1} if begin.run else {}
    new = claim_folder(logs) if trainer.is_global_zero and not begin.run else logs
    folder = begin.run.folder if begin.run else new
    return [TensorBoardLogger(folder.parent, name="", version=folder.name, **undone), MetricsTable(folder)]
