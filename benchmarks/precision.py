"""What each precision costs and saves.

    python benchmarks/precision.py

The classic networks of configs/mnist.yaml on random images: on the GPU if there is one, else on one thread of the CPU.
The precisions take turns, round by round, each run in a process of its own; ratios are medians over rounds, above 1
means faster than 32-true. Memory is the GPU's peak, or the whole process's.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

import torch
from measured import trained

WARM_UP = 20
PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")


def work(precision: str, batch_size: int, iterations: int) -> None:
    watch = trained(batch_size, iterations, WARM_UP, precision=precision, devices=1)
    print("measured " + json.dumps([watch.wall if torch.cuda.is_available() else watch.cpu, watch.megabytes]))


def run(precision: str, batch_size: int, iterations: int) -> tuple[float, float]:
    """Seconds (of the GPU's clock, or of the CPU) and megabytes."""
    command = [sys.executable, __file__, "--work", precision, str(batch_size), str(iterations)]
    output = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    (line,) = [line for line in output.stdout.splitlines() if line.startswith("measured ")]
    seconds, megabytes = json.loads(line.removeprefix("measured "))
    return seconds, megabytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--images", type=int, default=25_600, help="images in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work[0], int(options.work[1]), int(options.work[2]))
        return
    gpu = torch.cuda.is_available()
    machine = torch.cuda.get_device_name() if gpu else f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(f"torch {torch.__version__}, {machine}, {options.rounds} rounds of {options.images:,} images\n")
    clock = "wall" if gpu else "CPU"
    print(f"| batch | precision | ms an iteration ({clock}) | speed, of 32-true (lowest, highest) | MB |")
    print("|---|---|---|---|---|")
    precisions = PRECISIONS if gpu else PRECISIONS[:3]  # 16-mixed on a CPU is bf16-mixed
    for batch_size in options.batches:
        iterations = max(20, options.images // batch_size)
        seen = {precision: [] for precision in precisions}
        for first in range(options.rounds):
            for turn in range(len(precisions)):
                precision = precisions[(first + turn) % len(precisions)]
                seen[precision].append(run(precision, batch_size, iterations))
        for precision, pairs in seen.items():
            ratios = [one / seconds for (seconds, _), (one, _) in zip(pairs, seen["32-true"], strict=True)]
            seconds, megabytes = (statistics.median(values) for values in zip(*pairs, strict=True))
            spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})"
            print(
                f"| {batch_size} | {precision} | {1000 * seconds / iterations:.1f} | {spread} | {megabytes:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
