"""Image to image on one core: what the recipes reach. Prints the tables of docs/results/translation.md.

    OMP_NUM_THREADS=1 python benchmarks/translation.py super_resolution inpainting --folder runs --photos bsds400 \
        --cifar10 cifar10-train cifar10-test --mnist data --seeds 0 1 2
    OMP_NUM_THREADS=1 python benchmarks/translation.py emoji --folder runs --emoji emoji --seeds 0 1 2
    python benchmarks/translation.py        # prints the tables of what is done

Each recipe is a config of configs/ with a few options, trained by `gan fit` in a folder of its own, where it resumes if
it was stopped; what is judged already is not judged again. A judgement is one line of JSON for each row of a table.
Images to judge are test images, or held-out ones, which no recipe has seen.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from translation_judges import JUDGES
from translation_rows import ROWS

from gan_lightning import Translator, cli
from gan_lightning.runs.checkpoint import Checkpoint

CONFIGS = Path(__file__).parents[1] / "configs"


# ---- training -----------------------------------------------------------------------------------------------------


def trained(name: str, title: str, options: argparse.Namespace, seed: int) -> Path:
    """Trains a recipe to its end, if that has not been done, and returns its checkpoint."""
    row = ROWS[name]
    recipe, folder = row.recipes[title], folder_of(options, name, title, seed)
    last = folder / "lightning_logs/version_0/checkpoints/last.ckpt"
    iterations = max(2, round(recipe.iterations * options.share))
    if not last.exists() or Checkpoint(last).iteration < iterations:
        words = {**row.data(options), **recipe.options, "seed": seed, "trainer.max_steps": iterations}
        words |= {
            "trainer.default_root_dir": folder,
            "trainer.enable_progress_bar": False,
            "trainer.accelerator": "cpu",
        }
        if recipe.start:
            words["start_from"] = trained(name, recipe.start, options, seed)
        if recipe.terms:
            terms, learnt = recipe.terms
            words["model.terms"] = terms(str(trained(name, learnt, options, seed).parents[1] / "features.safetensors"))
        resumed = ["--ckpt_path", str(last)] if last.exists() else []
        cli.main(
            [
                "fit",
                "--config",
                str(CONFIGS / recipe.config),
                *(f"--{k}={in_yaml(v)}" for k, v in words.items()),
                *resumed,
            ]
        )
    return last


def in_yaml(value: Any) -> str:
    return str(value) if isinstance(value, (str, Path)) else json.dumps(value)


def folder_of(options: argparse.Namespace, name: str, title: str, seed: int) -> Path:
    return options.folder / f"{name} {title} {seed}".replace(" ", "_")


def cost_of(last: Path) -> dict[str, float]:
    """Returns the iterations and the CPU-seconds that a checkpoint took, without those of what it started from."""
    content = Checkpoint(last).content
    cost = next(state for key, state in content["callbacks"].items() if key.startswith("Cost"))
    return {"iterations": content["global_step"], "cpu": round(cost["cpu"])}


def run(name: str, options: argparse.Namespace) -> None:
    """Trains and judges what is not there yet."""
    row = ROWS[name]
    for seed in options.seeds:
        titles = [title for title in row.recipes if not options.only or title in options.only]
        lasts = {title: trained(name, title, options, seed) for title in titles}
        if options.train_only or {(line["row"], line["seed"]) for line in lines_of(options)} >= {(name, seed)}:
            continue
        models = {
            title: Translator.load_from_checkpoint(last).eval()
            for title, last in lasts.items()
            if row.recipes[title].config != "extractor.yaml"
        }
        for way, scores in row.judge(options, models, seed).items():
            costs = cost_of(lasts[way]) if way in lasts else {}
            line = {"row": name, "way": way, "seed": seed} | costs | {k: round(v, 5) for k, v in scores.items()}
            with options.results.open("a") as file:
                file.write(json.dumps(line) + "\n")


def lines_of(options: argparse.Namespace) -> list[dict[str, Any]]:
    return [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []


def tables(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Yields Markdown: for each way its means over the seeds, and the standard deviation where there are several."""
    for name, row in ROWS.items():
        found = [line for line in lines if line["row"] == name]
        keys = list(dict.fromkeys(key for line in found for key in line if key not in ("row", "way", "seed")))
        if found:
            yield f"\n## {row.title}\n\n| | seeds | {' | '.join(keys)} |\n|{'---|' * (2 + len(keys))}"
        for way in dict.fromkeys(line["way"] for line in found):
            ours = [line for line in found if line["way"] == way]
            cells = [in_words([line[key] for line in ours if key in line]) for key in keys]
            yield f"| {way} | {len(ours)} | {' | '.join(cells)} |"


def in_words(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {statistics.stdev(values):.2g}" if len({*values}) > 1 else ""
    return f"{statistics.mean(values):.4g}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help=f"some of: {', '.join(ROWS)}")
    parser.add_argument("--photos", default="data/bsds400", help="the folder with train and test photographs")
    parser.add_argument("--cifar10", nargs=2, default=["data/cifar10-train", "data/cifar10-test"])
    parser.add_argument("--mnist", default="data")
    parser.add_argument("--emoji", default="data/emoji128")
    parser.add_argument("--folder", type=Path, default=Path("translation"), help="where runs are kept")
    parser.add_argument("--results", type=Path, default=Path("translation.jsonl"))
    parser.add_argument("--share", type=float, default=1.0, help="of all iterations")
    parser.add_argument("--only", nargs="+", help="some recipes, by their names")
    parser.add_argument("--train_only", action="store_true", help="judge nothing")
    parser.add_argument("--test_photos", type=int, default=200)
    parser.add_argument("--test_images", type=int, default=2000)
    parser.add_argument("--judges", nargs="+", default=JUDGES, help="feature networks that compare")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    JUDGES[:] = options.judges
    torch.set_num_threads(1)
    for name in options.rows:
        run(name, options)
    print("\n".join(tables(lines_of(options))))


if __name__ == "__main__":
    main()
