"""The files of a report on translators: what `gan test` writes into the run's folder."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from gan_lightning.core.images import captioned, labelled_tiles, save, to_uint8
from gan_lightning.core.whole_files import replacing
from gan_lightning.evaluation.baselines import Make
from gan_lightning.evaluation.translation_evaluator import TRANSLATED_AT_ONCE, TranslationEvaluator
from gan_lightning.evaluation.translation_results import TranslationReport

SHOWN_OF_EACH = 3
"""Images in each part of the picture."""

COMPARED, ALL_COMPARED = "best, median, worst by PSNR", "from the best to the worst by PSNR"


def write_translation_report(
    report: TranslationReport, evaluator: TranslationEvaluator, translators: Mapping[str, Make], folder: Path
) -> str:
    """Writes a report, the scores of each image, and a picture into a folder; returns which files, in words."""
    files = {"report.md": report.markdown(), "report.json": json.dumps(report.words(), indent=2) + "\n"}
    for name, content in (files | {"samples.csv": score_lines(report)}).items():
        with replacing(folder / name) as file:
            file.write(content.encode())
    save(compared_picture(report, evaluator, translators), folder / "comparison.png")
    return (
        "report.json, report.md, samples.csv (scores of each image) and comparison.png (the best, the median and the "
        "worst: input, output, truth)"
    )


def score_lines(report: TranslationReport) -> str:
    """Returns the scores of each image as a table: a line for each image and what made it."""
    keys = [key for key in report.keys if any(key in scored.own for scored in report.found.values())]
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["image", "made by", *keys])
    for name, scored in report.found.items():
        columns = {key: scored.own[key].tolist() for key in keys if key in scored.own}
        for i in range(len(scored.own["changed"])):
            table.writerow([i, name, *(f"{columns[key][i]:.6g}" if key in columns else "" for key in keys)])
    return file.getvalue()


@torch.no_grad()
def compared_picture(
    report: TranslationReport, evaluator: TranslationEvaluator, translators: Mapping[str, Make]
) -> Image.Image:
    """Returns a picture of the best, the median and the worst images: input, what each translator makes, truth."""
    scores = [report.found[name].own["PSNR"] for name in translators]
    order, count = scores[0].argsort(descending=True, stable=True).tolist(), SHOWN_OF_EACH
    middle, few = (len(order) - count) // 2, len(order) <= 3 * count
    chosen = order if few else order[:count] + order[middle : middle + count] + order[-count:]
    images = torch.cat([row_of_images(evaluator, i, translators) for i in chosen])
    labels = [
        label
        for i in chosen
        for label in (f"{i}: {report.as_is}", *(f"{score[i]:.2f} dB" for score in scores), "truth")
    ]
    return captioned(labelled_tiles(to_uint8(images), labels, len(translators) + 2), ALL_COMPARED if few else COMPARED)


def row_of_images(evaluator: TranslationEvaluator, number: int, translators: Mapping[str, Make]) -> Tensor:
    """Returns the input as it is, what each translator makes of it, and the truth, for the image of a number."""
    block, place = evaluator.block(number // TRANSLATED_AT_ONCE * TRANSLATED_AT_ONCE), number % TRANSLATED_AT_ONCE
    x, inputs = block.x[place, None], block.inputs
    made = [make(inputs)[place, None].to(x) for make in translators.values()]
    return torch.cat([evaluator.degradation.shown(inputs, x.shape[1])[place, None].to(x), *made, x])
