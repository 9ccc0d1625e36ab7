"""How fast a GPU trains the recipes for photographs, and what each option gives.

    python benchmarks/gpu.py

Every row is a short training of a config of the package on random images, without logs and files: images a second, the
share of the card's peak at this precision, peak memory, and how often an iteration makes the CPU wait for the GPU.
FLOPs are counted by torch in an ordinary iteration, so work that is done again or saved is not. Ordinary rows come
first; when the time is over, the rest is said to be left out. `--quick` runs a few rows, tiny, on any machine.
"""

import argparse
import json
import platform
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from measured import wait
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from gan_lightning import from_config
from gan_lightning.commands.run import quieten
from gan_lightning.commands.trainer import trainer_with
from gan_lightning.core.errors import UserError
from gan_lightning.training.compilation import Compiled

CONFIGS: dict[str, dict[str, Any]] = {
    "photos": {"data.batch_size": 64, "data.image_size": 64},
    "r3gan_cifar10": {"data.batch_size": 128, "data.image_size": 32},  # 512 in the config: a card may lack the memory
    "photos_fast": {"data.batch_size": 16, "data.image_size": 64},
}
R3 = ("photos", "r3gan_cifar10")
TINY = {"data.batch_size": 2, "data.image_size": 16}
THIN = {
    f"model.{player}.{name}": 8 for player in ("generator", "discriminator") for name in ("width", "max_width", "group")
}
QUICK = ("32 bits", "bf16, channels last", "bf16, compiled")
"""Options of a quick run, of its networks that are R3GAN's, and its rows."""

EXACT = {"precision": "32-true", "matmul_precision": "highest"}
TF32 = {"precision": "32-true", "matmul_precision": "high"}
BF16 = {"precision": "bf16-mixed", "matmul_precision": "high"}
LAST = {"model.channels_last": True}
COMPILED = {"model.compile": True}

MODES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]] = {
    "32 bits": (EXACT, {}, None),
    "32 bits, channels last": (EXACT, LAST, None),
    "TF32": (TF32, {}, None),
    "bf16": (BF16, {}, None),
    "bf16, channels last": (BF16, LAST, None),
    "TF32, compiled": (TF32, COMPILED, {}),
    "bf16, compiled": (BF16, COMPILED, {}),
    "bf16, channels last, compiled": (BF16, LAST | COMPILED, {}),
    "bf16, compiled, CUDA graphs": (BF16, COMPILED, {"triton.cudagraphs": True}),
}
"""For each row, the options of the trainer and of the model, and those of inductor."""

PEAKS = {
    "H100 PCIe": (51, 378, 756),
    "H100": (67, 495, 989),
    "H200": (67, 495, 989),
    "A100": (19.5, 156, 312),
    "L40S": (91.6, 183, 362),
}
"""TFLOP/s of cards at 32 bits, TF32 and bf16, without sparsity. Check yours before you quote a share."""

WARM_UP, WATCHED = 3, 2
"""Iterations before the clock starts, and which of them is watched for waits."""

COMPILING = 90
"""Seconds that must be left for a row that compiles."""


class Clock(Callback):
    """Times iterations after the warm-up, for some seconds; counts how often one of the warm-up waits for the GPU."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.iterations, self.elapsed, self.waits = seconds, 0, 0.0, 0

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.gpu = pl_module.device.type == "cuda"
        if self.gpu and trainer.global_step == WATCHED:
            self.caught = warnings.catch_warnings(record=True)
            self.warned = self.caught.__enter__()
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if self.gpu and trainer.global_step == WATCHED + 1:
            torch.cuda.set_sync_debug_mode("default")
            self.caught.__exit__(None, None, None)
            self.waits = sum("synchroniz" in str(warning.message) for warning in self.warned or [])
        done = trainer.global_step - WARM_UP
        if done < 0 or (done % 5 and self.gpu):  # waiting in every iteration would slow small networks down
            return
        wait(pl_module.device)
        now = time.perf_counter() if self.gpu else time.process_time()
        if not done:
            self.started = now
        self.iterations, self.elapsed = done, now - self.started
        trainer.should_stop = done > 0 and self.elapsed > self.seconds


class Flops(Callback):
    """Counts the FLOPs of one iteration."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.counter = FlopCounterMode(display=False)
        self.counter.__enter__()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.counter.__exit__(None, None, None)
        self.total = self.counter.get_total_flops()


@contextmanager
def random_images() -> Iterator[Path]:
    """A folder of 512 random images of 64x64 in ten folders."""
    pixels = torch.randint(256, (512, 64, 64, 3), generator=torch.Generator().manual_seed(0)).byte().numpy()
    with tempfile.TemporaryDirectory() as folder:
        for i, image in enumerate(pixels):
            path = Path(folder, str(i % 10), f"{i}.png")
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(image).save(path)
        yield Path(folder)


def train(config: str, options: dict[str, Any], trainer: dict[str, Any], callback: Callback, compute: Any) -> None:
    """Trains a config with nothing else: no logs, no files, no bar."""
    seed_everything(0, verbose=False)
    experiment = from_config(config, **options)
    if compute is not None:
        experiment.model.compute = compute  # type: ignore[attr-defined]
    quiet = dict.fromkeys(("enable_checkpointing", "enable_model_summary", "enable_progress_bar", "logger"), False)
    made: Trainer = trainer_with(
        {
            "max_steps": 1_000_000,
            "devices": 1,
            "log_every_n_steps": 1_000_000,
            **quiet,
            **trainer,
            "callbacks": [callback],
        }
    )
    made.fit(experiment.model, experiment.data)


def flops(config: str, options: dict[str, Any]) -> float:
    """Returns FLOPs for each image of an iteration."""
    counted, few = Flops(), min(8, options["data.batch_size"])
    train(config, options | {"data.batch_size": few}, EXACT | {"max_steps": 1}, counted, None)
    return counted.total / few


def peak(precision: dict[str, Any]) -> float | None:
    """Returns the card's peak at a precision, in FLOP/s."""
    if not torch.cuda.is_available():
        return None
    name = torch.cuda.get_device_name()
    column = 2 if precision is BF16 else 1 if precision is TF32 else 0
    return next((1e12 * peaks[column] for card, peaks in PEAKS.items() if card in name), None)


def row(config: str, mode: str, options: dict[str, Any], cost: float, quick: bool, seconds: float) -> str:
    """Returns a row of the table."""
    precision, model, inductor = MODES[mode]
    torch._dynamo.reset()
    compute = None if inductor is None else Compiled("aot_eager") if quick else Compiled(**inductor)
    gpu, clock, started = torch.cuda.is_available(), Clock(seconds), time.perf_counter()
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        train(config, options | model, precision, clock, compute)
    except (UserError, RuntimeError) as error:
        return f"| {config} | {mode} | failed: {str(error).splitlines()[0][:150]} | | | | |"
    speed = clock.iterations * options["data.batch_size"] / clock.elapsed
    share = f"{speed * cost / top:.1%}" if (top := peak(precision)) else "–"
    memory = f"{torch.cuda.max_memory_allocated() / 2**30:.1f}" if gpu else "–"
    waits = str(clock.waits) if gpu else "–"
    return f"| {config} | {mode} | {speed:,.1f} | {share} | {memory} | {waits} | {time.perf_counter() - started:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", nargs="+", choices=CONFIGS, default=[*CONFIGS])
    parser.add_argument("--modes", nargs="+", choices=MODES, default=[*MODES])
    parser.add_argument("--minutes", type=float, default=8.5, help="of the whole benchmark")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a row, after its warm-up")
    parser.add_argument(
        "--quick", action="store_true", help="a few rows, tiny and without inductor: to see that it runs"
    )
    parser.add_argument("--options", type=json.loads, default={}, help="more options of the configs, as JSON")
    given = parser.parse_args()
    quieten()
    end = time.perf_counter() + 60 * given.minutes
    gpu = torch.cuda.is_available()
    machine = torch.cuda.get_device_name() if gpu else f"{platform.machine()}, {torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {machine}\n")
    print(f"| config | | images / s{'' if gpu else ' (CPU time)'} | share of peak | GiB | waits | seconds in all |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with random_images() as root:
        common = {"data.root": str(root), "data.cache_gib": 0, "data.held_out": 0.0} | given.options
        options = {
            name: common | CONFIGS[name] | given.options | (TINY if given.quick else {}) for name in given.configs
        }
        for name in options.keys() & R3 if given.quick else ():
            options[name] |= THIN
        costs = {name: flops(name, options[name]) for name in given.configs}
        for mode in QUICK if given.quick else given.modes:
            for name in given.configs[:1] if given.quick and "compiled" in mode else given.configs:
                left = end - time.perf_counter()
                if left < (COMPILING if MODES[mode][2] is not None and not given.quick else given.seconds):
                    print(f"| {name} | {mode} | left out: no time | | | | |", flush=True)
                    continue
                print(
                    row(name, mode, options[name], costs[name], given.quick, 0 if given.quick else given.seconds),
                    flush=True,
                )
    for name, cost in costs.items():
        print(f"\n{name}: {cost / 1e9:,.1f} GFLOP for each image of an iteration", end="")
    print()


if __name__ == "__main__":
    main()
