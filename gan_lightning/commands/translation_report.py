"""`gan test` and `gan validate` of translators: one table, with what one gets for nothing."""

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import Namespace

from gan_lightning.commands.judge import independent_judge
from gan_lightning.commands.subjects import chosen_device, same_weights
from gan_lightning.commands.trained_on import check_held_out, unknown_data
from gan_lightning.commands.translate import translator_in
from gan_lightning.commands.translation_files import write_translation_report
from gan_lightning.core.configurable import defaults_of, describe
from gan_lightning.core.errors import UserError, printable
from gan_lightning.data import ImageData
from gan_lightning.evaluation.baselines import as_they_are, baselines_for
from gan_lightning.evaluation.evaluator import check_samples
from gan_lightning.evaluation.features import Extractor
from gan_lightning.evaluation.reference import Follow, Split
from gan_lightning.evaluation.translation_evaluator import TranslationEvaluator
from gan_lightning.evaluation.translation_results import TranslationReport
from gan_lightning.models.translator import Translator, check_inputs
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.run import check_folder

MOST_TRANSLATED = 1000
"""Images that are compared, unless more are asked for."""


def judge_translations(
    made: Namespace, command: str, split: Split, checkpoints: Sequence[Checkpoint], follow: Follow
) -> None:
    """Compares what translators make of real images set apart with these; prints and writes a table.

    Raises:
        UserError: The data is unknown or does not fit, or the translators do not do the same.
    """
    data: ImageData | None = made.data
    first = checkpoints[0]
    if data is None:
        raise unknown_data(first)
    check_samples(made.judge.samples, made.judge.first_seed)
    models = {name_of(checkpoint): translator_for(checkpoint, data, made.device) for checkpoint in checkpoints}
    check_comparable(checkpoints, list(models.values()))
    own = first.run.folder if first.run else first.path.parent
    folder = Path(made.judge.folder or own / f"{command}-{first.path.stem}")
    check_folder(folder, "judge.folder", "a report")
    check_held_out(data, checkpoints)
    data.setup("fit")
    extractor, doubts = judge_of_translations(data, made.judge.extractor, checkpoints)
    model = models[name_of(first)]
    options = made.judge.samples or MOST_TRANSLATED, extractor, model.device, made.judge.first_seed, follow
    evaluator = TranslationEvaluator(data, model.degradation, split, *options)
    makers, missing = baselines_for(model.degradation, data, model.image_shape[0])
    found = evaluator.evaluate(models | dict(makers))
    said = [*doubts, *evaluator.doubts(), *([missing] if missing else [])]
    paths = {"checkpoint": ", ".join(str(checkpoint.path) for checkpoint in checkpoints)}
    report = TranslationReport(found, [*models], as_they_are(model.degradation), paths | evaluator.about(), said)
    print(report.text())
    print(f"\nwrote {write_translation_report(report, evaluator, models, folder)} into {printable(folder)}")


def name_of(checkpoint: Checkpoint) -> str:
    folder = checkpoint.run.folder if checkpoint.run else checkpoint.path.parent
    return f"{folder.name}/{checkpoint.path.stem}"


def translator_for(checkpoint: Checkpoint, data: ImageData, device: str) -> Translator:
    """Returns the translator in a checkpoint.

    Raises:
        UserError: The data does not fit.
    """
    model = translator_in(checkpoint).to(chosen_device(device)).eval()
    if tuple(data.image_shape) != tuple(model.image_shape):
        raise UserError(
            f"{checkpoint.path} makes images of {tuple(model.image_shape)}, and data has {tuple(data.image_shape)}: "
            "use the data it was trained on, or data of the same shape"
        )
    check_inputs(data, model.degradation)
    return model


def check_comparable(checkpoints: Sequence[Checkpoint], models: Sequence[Translator]) -> None:
    """Refuses translators that start from different inputs, or are the same, or have one name."""
    first, *others = zip(checkpoints, models, strict=False)
    if len(models) < len(checkpoints):
        raise UserError("two checkpoints are called the same, as are their folders: rename one, to tell them apart")
    for checkpoint, model in others:
        words = [describe(defaults_of(type(d)) | d.init_args) for d in (first[1].degradation, model.degradation)]
        names = [type(m.degradation).__name__ for m in (first[1], model)]
        if names[0] != names[1] or words[0] != words[1]:
            raise UserError(
                f"{first[0].path} starts from {names[0]} {words[0]}, {checkpoint.path} from {names[1]} {words[1]}: "
                "only translators of the same inputs can be compared"
            )
        if same_weights(first[1], model):
            raise UserError(
                f"{first[0].path} and {checkpoint.path} hold the same model: give different ones, to compare them"
            )


def judge_of_translations(
    data: ImageData, name: str | None, checkpoints: Sequence[Checkpoint]
) -> tuple[Extractor | None, list[str]]:
    """Returns the extractor that judges, and what a report must say of it; None if there is none for the data."""
    try:
        return independent_judge(data, name, checkpoints)
    except UserError as error:
        if name is not None:
            raise
        return None, [f"only pixels are compared: {error}"]
