"""`gan fit`: build the experiment (experiment.py), find the start, train, report."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from traceback import extract_tb

from lightning.pytorch import Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from gan_lightning.commands.experiment import Experiment, experiment_of
from gan_lightning.commands.own_images import with_choices
from gan_lightning.commands.start_from import take_weights
from gan_lightning.commands.trust import trust_option
from gan_lightning.core import checkpoint_files
from gan_lightning.core.configurable import class_paths
from gan_lightning.core.differences import differences
from gan_lightning.core.errors import TrainingError, UserError, printable
from gan_lightning.data import ImageData, Plane, PointData
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.runs.claim import discard
from gan_lightning.runs.locate import Start, check_unchanged, start
from gan_lightning.runs.lock import locked
from gan_lightning.runs.metrics_csv import continue_table
from gan_lightning.runs.run import Run, check_folder
from gan_lightning.runs.signals import at_once_while_starting
from gan_lightning.training.restore import check_kind

HOW_TO_GET_FEATURES = " " * 19 + "(gan fit --config extractor makes FEATURES of the same images: docs/evaluating.md)"


def fit(command: str, arguments: Sequence[str]) -> None:
    """Trains, then prints what was written where."""
    experiment = experiment_of(with_choices(arguments))
    begin = locate(experiment)
    taken = weights_taken(experiment, begin)
    trainer = experiment.trainer(begin)
    run = Run.of(trainer)

    def clean_up() -> None:
        if trainer.global_step <= begin.iteration:  # refused or stopped before the first iteration
            discard(run.folder)

    try:
        with at_once_while_starting(trainer.world_size, clean_up):
            meet(trainer)
        with alone(experiment, trainer, begin):
            run = Run.of(trainer)
            if trainer.is_global_zero:
                announce(begin, experiment, run, taken)
            with at_once_while_starting(trainer.world_size, clean_up):
                train(experiment, trainer, begin, run)
    except BaseException:
        clean_up()
        raise


def meet(trainer: Trainer) -> None:
    """Connects processes that torchrun or SLURM has started, so that a refusal by one ends all of them."""
    strategy = trainer.strategy
    if isinstance(strategy, DDPStrategy) and not isinstance(strategy.cluster_environment, LightningEnvironment):
        strategy.setup_environment()


@contextmanager
def alone(experiment: Experiment, trainer: Trainer, begin: Start) -> Iterator[None]:
    """Locks the run, so that nothing else trains it. All processes must enter it; if one is refused, all are."""
    run, refused = Run.of(trainer), None
    with ExitStack() as stack:
        if trainer.is_global_zero and not experiment.is_trial:
            try:
                stack.enter_context(locked(run))
                check_free(run, begin)
                check_unchanged(begin)
            except UserError as error:
                refused = str(error)
        if refused := trainer.strategy.broadcast(refused):
            raise TrainingError(refused)
        yield


def locate(experiment: Experiment) -> Start:
    """Finds where training starts. A checkpoint that does not fit is refused before anything is written."""
    begin = start(experiment.options.ckpt_path, experiment.root)
    if begin.checkpoint is not None:
        content, path = begin.checkpoint.content, begin.checkpoint.path
        check_kind(content, experiment.model, path)
        checkpoint_files.check_fits(content["state_dict"], experiment.model, path)
        if isinstance(experiment.data, PointData) and (plane := Plane.in_checkpoint(content)):
            experiment.data.load_state_dict({"plane": asdict(plane)})  # Lightning does so only for the same class
    check_folder(Path(experiment.root or "."), "trainer.default_root_dir", "a run")
    return begin


def weights_taken(experiment: Experiment, begin: Start) -> str | None:
    """Gives the networks of a new run the weights that it is to start from, and says whose they are."""
    source = experiment.options.start_from
    return take_weights(experiment.model, source) if source is not None and begin.checkpoint is None else None


def check_free(run: Run, begin: Start) -> None:
    """Refuses to start a new run in the folder of another."""
    if begin.checkpoint is None and run.last.exists():
        raise UserError(
            f"{run.folder} holds a run already: resume it with --ckpt_path {quote(str(run.folder))}, or choose another "
            "folder with --trainer.default_root_dir"
        )


def announce(begin: Start, experiment: Experiment, run: Run, taken: str | None) -> None:
    """Prints where training resumes or whose weights it starts from, and which settings have changed."""
    asked, checkpoint = experiment.options.ckpt_path, begin.checkpoint
    if taken is not None:
        print(printable(taken))
    if checkpoint is None:
        if asked is not None:
            print(f"there is no {asked}.ckpt yet: starting from the beginning")
        return
    print(f"resuming from {printable(checkpoint.path)}, iteration {begin.iteration:,}")
    if checkpoint.run and run.folder.resolve() != checkpoint.run.folder.resolve():
        print(f"in a new folder: {printable(checkpoint.run.folder)} is left as it is")
    for change in differences(checkpoint.settings, experiment.settings) if checkpoint.settings else []:
        print(printable(f"changed: {change}"))


def train(experiment: Experiment, trainer: Trainer, begin: Start, run: Run) -> None:
    """Trains, and reports what was written, even if training had to stop early."""
    writes = trainer.is_global_zero and not experiment.is_trial
    started = time.monotonic()
    if writes and begin.checkpoint and begin.checkpoint.run:
        continue_table(begin.checkpoint.run.metrics, run.metrics, begin.iteration)
    path = None if begin.checkpoint is None else begin.checkpoint.path
    try:
        trainer.fit(experiment.model, datamodule=experiment.data, ckpt_path=path, weights_only=True)
    except TrainingError:
        if writes and trainer.global_step > begin.iteration:
            report(experiment, run, trainer.global_step - begin.iteration, time.monotonic() - started)
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if path is None or isinstance(error, UserError) or not came_from_restoring(error):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{path} is damaged: its state cannot be restored ({reason}); use another checkpoint"
        ) from error
    if writes:
        report(experiment, run, trainer.global_step - begin.iteration, time.monotonic() - started)


def came_from_restoring(error: BaseException) -> bool:
    """Whether an error arose where Lightning restores a checkpoint."""
    return any(Path(frame.filename).name == "checkpoint_connector.py" for frame in extract_tb(error.__traceback__))


def report(experiment: Experiment, run: Run, iterations: int, seconds: float) -> None:
    """Prints the paths that training wrote, and the commands to continue with."""
    minutes, rest = divmod(round(seconds), 60)
    if iterations:
        print(f"\n{iterations:,} iterations in {minutes} min {rest} s")
    else:
        print("\nnothing to do: the checkpoint has all iterations that trainer.max_steps or trainer.max_epochs allow")
    written, samples = run.written(), isinstance(experiment.model, GenerativeModel)
    for name, path in written.items():
        print(printable(f"  {'results' if name == 'samples' and not samples else name:16}{path}"))
    if "features" in written:
        print(f"\nevaluate with it:  gan test MODEL --judge.extractor {quote(str(run.features))}")
    elif "model" in written:
        own = class_paths(experiment.model.hparams.get("generator") if samples else experiment.model.hparams)
        data = class_paths(experiment.settings.get("data")) if isinstance(experiment.data, ImageData) else []
        images, last = "" if data else " --data DATA", quote(str(run.last))
        made, what = ("samples", "") if samples else ("images", " --images FOLDER")
        print(f"\n{f'make {made}:':19}gan predict {last}{what}{trust_option(own)}")
        options = f"{images}{trust_option(own + data)}{features_option(experiment)}"
        print(f"{f'evaluate {made}:':19}gan test {last}{options}")


def features_option(experiment: Experiment) -> str:
    """Returns the option of `gan test` for images of which the package has no feature network, and where to get one."""
    data, judge = experiment.data, experiment.options.get("judge")
    if not isinstance(data, ImageData) or isinstance(data, PointData) or (judge and judge.extractor):
        return ""
    if data.extractor or data.image_shape[0] == 3:
        return ""
    return f" --judge.extractor FEATURES\n{HOW_TO_GET_FEATURES}"
