"""What each config costs on one thread: CPU-milliseconds an iteration, and CPU-minutes as it ships.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/recipes.py --data.root data --iterations 50

Each is trained for so many iterations after a warm-up, in 32-true and bf16-mixed.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from measured import Stopwatch  # type: ignore[import-not-found]

from gan_lightning.commands.experiment import from_config
from gan_lightning.commands.parser import nested
from gan_lightning.commands.run import quieten
from gan_lightning.commands.trainer import trainer_with

CONFIGS = Path(__file__).parents[1] / "configs"
WARM_UP = 10


def cost(config: Path, precision: str, iterations: int, root: str) -> tuple[float, int]:
    """CPU-milliseconds of one iteration, and how many iterations there are in all."""
    where = {"data.root": root} if "root:" in config.read_text() else {}
    experiment = from_config(config, **where)
    asked = nested(experiment.options.trainer)
    watch = Stopwatch(WARM_UP)
    quiet: dict[str, Any] = {"logger": False, "callbacks": [watch], "enable_checkpointing": False}
    quiet |= {"enable_progress_bar": False, "enable_model_summary": False, "precision": precision}
    trainer = trainer_with({**asked, **quiet, "max_steps": WARM_UP + iterations, "max_epochs": -1})
    trainer.fit(experiment.model, experiment.data)
    length = asked["max_steps"]
    if length == -1:
        length = asked["max_epochs"] * len(experiment.data.train_dataloader())
    return watch.cpu / iterations * 1000, length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data.root", dest="root", default="data")
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--precisions", nargs="+", default=["32-true", "bf16-mixed"])
    parser.add_argument("configs", nargs="*", default=sorted(p.name for p in CONFIGS.glob("*.yaml")))
    chosen = parser.parse_args()
    quieten()
    torch.set_num_threads(1)
    root = os.path.abspath(chosen.root)
    print("| config | iterations |" + "".join(f" {p}: ms an iteration | minutes in all |" for p in chosen.precisions))
    print("|---|---|" + "---|---|" * len(chosen.precisions))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in chosen.configs:
            row, length = "", 0
            for precision in chosen.precisions:
                ms, length = cost(CONFIGS / name, precision, chosen.iterations, root)
                row += f" {ms:.1f} | {ms * length / 60_000:.1f} |"
            print(f"| `{name}` | {length:,} |{row}", flush=True)


if __name__ == "__main__":
    main()
