"""`gan test` and `gan validate` of a translator: PSNR and SSIM, beside what one gets for nothing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace
from torch import Tensor

from gan_lightning.commands.subjects import chosen_device
from gan_lightning.commands.trained_on import check_held_out, unknown_data
from gan_lightning.commands.translate import translator_in
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.core.whole_files import replacing
from gan_lightning.data import ImageData
from gan_lightning.degradations import Smaller
from gan_lightning.evaluation.reference import RealSet, real_sets
from gan_lightning.evaluation.translation import Score, compared_pixels, score_table, scores_of, summarised
from gan_lightning.models.translator import Translator, check_inputs
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.run import check_folder

MOST_TRANSLATED = 1000
"""Images that are compared, unless more are asked for."""

TOGETHER_TRANSLATED = 20


def judge_translations(made: Namespace, command: str, checkpoints: Sequence[Checkpoint]) -> None:
    """Compares what a translator makes of real images set apart with these; prints and writes a table.

    Raises:
        UserError: The data is unknown or does not fit, or there are several checkpoints.
    """
    checkpoint, *others = checkpoints
    if others:
        raise UserError("several checkpoints are given, and translators are evaluated one by one: name one")
    data: ImageData | None = made.data
    if data is None:
        raise unknown_data(checkpoint)
    model = translator_in(checkpoint).to(chosen_device(made.device)).eval()
    if tuple(data.image_shape) != tuple(model.image_shape):
        raise UserError(
            f"{checkpoint.path} makes images of {tuple(model.image_shape)}, and data has {tuple(data.image_shape)}: "
            "use the data it was trained on, or data of the same shape"
        )
    check_inputs(data, model.degradation)
    own = checkpoint.run.folder if checkpoint.run else checkpoint.path.parent
    folder = Path(made.judge.folder or own / f"{command}-{checkpoint.path.stem}")
    check_folder(folder, "judge.folder", "a report")
    check_held_out(data, checkpoints)
    data.setup("fit")
    validation, test = real_sets(data)
    real = test if command == "test" else validation
    count = min(len(real), made.judge.samples or MOST_TRANSLATED)
    rows = translated_scores(model, data, real, count, made.judge.first_seed)
    text = f"{count:,} of {len(real):,} {real.kind}; {what_is_compared(model)}\n\n{score_table(rows)}"
    print(f"{printable(checkpoint.path)}: {text}")
    write_scores(folder, text, rows, {"checkpoint": str(checkpoint.path), "images": count, "of": real.kind})
    print(f"\nwrote report.json and report.md into {printable(folder)}")


def translated_scores(
    model: Translator, data: ImageData, real: RealSet, count: int, seed: int
) -> dict[str, dict[str, Score]]:
    """Returns the scores of the model, and of its inputs as they are."""
    draws, enlarges = numbered_draws(seed), isinstance(model.degradation, Smaller)
    columns = {type(model.generator).__name__: [], "bicubic" if enlarges else "input": []}
    for chosen in torch.arange(count).split(TOGETHER_TRANSLATED):
        x, inputs = model.degradation.pair(data.as_floats(real.images[chosen][0].to(model.device)), *draws)
        results = model(inputs), model.degradation.shown(inputs, x.shape[1])
        for found, images in zip(columns.values(), results, strict=True):
            found.append(scores_of(*(as_compared(model, one) for one in (images, x))))
    return {name: joined_scores(found) for name, found in columns.items()}


def joined_scores(parts: list[dict[str, Tensor]]) -> dict[str, Score]:
    return {name: summarised(torch.cat([part[name] for part in parts])) for name in parts[0]}


def as_compared(model: Translator, x: Tensor) -> Tensor:
    """Returns what is compared of images: of enlarged ones the luminance, without a border as wide as the factor."""
    enlarges = isinstance(model.degradation, Smaller)
    border = model.degradation.factor if enlarges and min(x.shape[2:]) > 2 * model.degradation.factor else 0
    return compared_pixels(x, enlarges, border)


def what_is_compared(model: Translator) -> str:
    if isinstance(model.degradation, Smaller):
        return f"luminance (BT.601), without a border of {model.degradation.factor} pixels"
    return "all channels of all pixels"


def write_scores(folder: Path, text: str, rows: dict[str, dict[str, Score]], about: dict[str, Any]) -> None:
    """Writes report.md and report.json."""
    words = about | {"scores": {row: {n: s._asdict() for n, s in scores.items()} for row, scores in rows.items()}}
    for name, content in (("report.md", f"```\n{text}\n```\n"), ("report.json", json.dumps(words, indent=2) + "\n")):
        with replacing(folder / name) as file:
            file.write(content.encode())
