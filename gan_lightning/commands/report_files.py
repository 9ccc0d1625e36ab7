"""The files of a report: what `gan test` writes into the run's folder."""

import csv
import json
from pathlib import Path

from gan_lightning.core.errors import UserError
from gan_lightning.data import PointData
from gan_lightning.evaluation.evaluator import Evaluator
from gan_lightning.evaluation.ladder import ladder_of
from gan_lightning.evaluation.ladder_picture import drawn
from gan_lightning.evaluation.report import Report
from gan_lightning.evaluation.sample_scores import SampleScores
from gan_lightning.evaluation.stored_samples import SampleSource


def write_report(report: Report, evaluator: Evaluator, samples: SampleSource, folder: Path) -> None:
    """Writes a report, the scores of each sample, and pictures into a folder, and says so."""
    report.write(folder)
    scores = SampleScores(evaluator, samples)
    files = ["report.json", "report.md", "samples.csv (scores of each sample)"]
    write_samples(scores, folder / "samples.csv")
    if not isinstance(evaluator.data, PointData):
        scores.neighbours().save(folder / "neighbours.png")
        scores.ranked().save(folder / "ranked.png")
        files += ["neighbours.png (the samples most like copies, beside training images)"]
        files += ["ranked.png (the most realistic samples, those in the middle, and the least realistic)"]
    print(f"\nwrote {', '.join(files[:-1])} and {files[-1]} into {folder}")


def write_samples(scores: SampleScores, path: Path) -> None:
    """Writes the scores of each sample as a table."""
    columns = {name: values.tolist() for name, values in scores.table.items()}
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["sample", *columns])
        for i, row in enumerate(zip(*columns.values(), strict=True), start=scores.evaluator.first_seed):
            table.writerow([i, *(f"{value:.6g}" for value in row)])


def try_extractor(evaluator: Evaluator, folder: Path) -> None:
    """Tries the extractor with known damage; prints the ladder, and draws it into a folder."""
    try:
        ladder = ladder_of(evaluator.real)
    except UserError as error:  # the report stands all the same
        print(f"\nthe feature extractor was not tried with known damage: {error}")
        return
    print(f"\n{ladder.text()}")
    (folder / "ladder.json").write_text(json.dumps(ladder.words(), indent=2) + "\n", encoding="utf-8")
    drawn(ladder, folder / "ladder.png")
    print(f"wrote ladder.json and ladder.png into {folder}")
