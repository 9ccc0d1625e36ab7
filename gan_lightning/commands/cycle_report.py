"""`gan test` and `gan validate` of a translator without pairs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from jsonargparse import Namespace
from PIL import Image

from gan_lightning.commands.judge import independent_judge
from gan_lightning.commands.subjects import chosen_device
from gan_lightning.commands.trained_on import check_held_out, unknown_data
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.images import labelled_tiles, save, to_uint8
from gan_lightning.core.whole_files import replacing
from gan_lightning.data import ImageData
from gan_lightning.evaluation.cycle_evaluator import CycleEvaluator, Turned
from gan_lightning.evaluation.cycles import CYCLE_SCORES, SIDES, Translate, direction_name
from gan_lightning.evaluation.evaluator import check_samples
from gan_lightning.evaluation.metrics import Estimate
from gan_lightning.evaluation.reference import Follow, Split
from gan_lightning.evaluation.translation_results import plain_values, score_cell
from gan_lightning.models.cycle_translator import CycleTranslator
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.run import check_folder

SHOWN_OF_SIDE = 6
"""Images of each side in the picture."""

MOST_TURNED = 1000
"""Images of each side that are translated, unless more are asked for."""


def judge_cycles(
    made: Namespace, command: str, split: Split, checkpoints: Sequence[Checkpoint], follow: Follow
) -> None:
    """Measures both directions of a translator without pairs; prints and writes a table.

    Raises:
        UserError: The data is unknown or does not fit, or there are several checkpoints.
    """
    checkpoint, *others = checkpoints
    if others:
        raise UserError("several checkpoints are given, and translators without pairs are evaluated one by one: name "
                        "one")  # fmt: skip
    data: ImageData | None = made.data
    if data is None:
        raise unknown_data(checkpoint)
    check_samples(made.judge.samples, made.judge.first_seed)
    model = CycleTranslator.load_from_checkpoint(checkpoint.path).to(chosen_device(made.device)).eval()
    if tuple(data.image_shape) != tuple(model.image_shape):
        raise UserError(
            f"{checkpoint.path} makes images of {tuple(model.image_shape)}, and data has {tuple(data.image_shape)}: "
            "use the data it was trained on, or data of the same shape"
        )
    own = checkpoint.run.folder if checkpoint.run else checkpoint.path.parent
    folder = Path(made.judge.folder or own / f"{command}-{checkpoint.path.stem}")
    check_folder(folder, "judge.folder", "a report")
    check_held_out(data, checkpoints)
    data.setup("fit")
    extractor, doubts = independent_judge(data, made.judge.extractor, checkpoints)
    options = made.judge.samples or MOST_TURNED, extractor, model.device, made.judge.first_seed, follow
    evaluator = CycleEvaluator(data, split, *options)
    ways = {side: model.ways(side) for side in range(len(model.translations))}
    found = {side: evaluator.evaluate(side, *way) for side, way in ways.items()}
    about = {
        "checkpoint": str(checkpoint.path),
        "images": ", ".join(f"{evaluator.real[side].words} of {SIDES[side]}" for side in found),
        "feature extractor": f"{extractor.name} ({extractor.digest})" if extractor.digest else extractor.name,
        "seed of the noise": str(made.judge.first_seed),
    }
    report = cycle_lines(about, [*doubts, *said_of_cycles(found)], found)
    print("\n".join(map(printable, report)))
    write_cycle_report(folder, report, about, found)
    save(turned_picture(evaluator, ways), folder / "comparison.png")
    written = (
        "report.json, report.md and comparison.png (images of each side, what is made of them, and what comes back)"
    )
    print(f"\nwrote {written} into {printable(str(folder))}")


@torch.no_grad()
def turned_picture(evaluator: CycleEvaluator, ways: Mapping[int, tuple[Translate, Translate | None]]) -> Image.Image:
    """Returns a picture of some images of each side: as they are, translated, and back again if there is a way."""
    found, labels, columns = [], [], 2
    for side, (there, back) in ways.items():
        part = evaluator.real[side]
        x = evaluator.images(part, torch.arange(min(SHOWN_OF_SIDE, len(part))))
        images = {SIDES[side]: x, direction_name(side): (made := there(x))} | ({"and back": back(made)} if back else {})
        found.append(torch.stack([each.to(x) for each in images.values()], 1).flatten(0, 1))
        labels, columns = labels + [*images] * len(x), len(images)
    return labelled_tiles(to_uint8(torch.cat(found)), labels, columns)


def said_of_cycles(found: Mapping[int, Turned]) -> Iterator[str]:
    """Yields what the numbers say, in words."""
    kernel, frechet = (CYCLE_SCORES[key].name for key in ("kernel", "frechet"))
    for side, turned in found.items():
        name = direction_name(side)
        yield from (f"{name} {fault}" for fault in turned.traces.faults.values())
        if kernel in turned.scores:
            made, before = (of[kernel].value for of in (turned.scores, turned.unchanged))
            nearer = f"{'' if made < before else 'no '}nearer to those of {SIDES[1 - side]} than they were"
            yield f"{name}: images are {nearer} ({kernel} {made:.4g}, before {before:.4g})"
        if frechet not in turned.scores:
            yield f"{name}: too few images for a {frechet} with this extractor ({turned.images:,})"


def cycle_rows(found: Mapping[int, Turned]) -> dict[str, dict[str, Estimate]]:
    """Returns the rows of the table: each direction, its images as they are, and real images of the other side."""
    rows = {}
    for side, turned in found.items():
        rows[direction_name(side)] = turned.scores
        rows[f"{SIDES[side]}, unchanged"] = turned.unchanged
        rows[f"{SIDES[1 - side]}, real"] = turned.floor
    return rows


def cycle_lines(about: Mapping[str, str], said: Sequence[str], found: Mapping[int, Turned]) -> list[str]:
    """Returns the report, line by line."""
    rows = cycle_rows(found)
    names = list(dict.fromkeys(name for scores in rows.values() for name in scores))
    table, digits = [["", *names]], {measure.name: measure.digits for measure in CYCLE_SCORES.values()}
    for row, scores in rows.items():
        table.append(
            [row, *(score_cell(scores[name], digits.get(name, 2)) if name in scores else "" for name in names)]
        )
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in table]
    return [*(f"{key}: {value}" for key, value in about.items()), "", *said, "", *lines]


def write_cycle_report(
    folder: Path, lines: Sequence[str], about: Mapping[str, str], found: Mapping[int, Turned]
) -> None:
    """Writes report.md and report.json."""
    scores = {row: plain_values(values) for row, values in cycle_rows(found).items()}
    faults = {direction_name(side): [*turned.traces.faults] for side, turned in found.items()}
    words = json.dumps({**about, "scores": scores, "faults": faults}, indent=2) + "\n"
    text = "\n".join(map(printable, lines))
    for name, content in (("report.md", f"# Evaluation\n\n```\n{text}\n```\n"), ("report.json", words)):
        with replacing(folder / name) as file:
            file.write(content.encode())
