"""Images a second on one and on two processes, and what the averaging of gradients costs.

    python benchmarks/scaling.py

The classic networks of configs/mnist.yaml on random images, one thread a process, gloo on CPUs (NCCL on GPUs, if there
are two). The contenders take turns, round by round; each ratio is the median over rounds of the same round.

- one process: batch B.
- two processes: batch B each, gradients averaged as in training.
- two, not averaged: the same without the message. It does not train one GAN; it is here to show what the message costs.
"""

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys

import torch
from measured import trained

WARM_UP = 20
CONTENDERS = {"one process": (1, True), "two processes": (2, True), "two, not averaged": (2, False)}


def work(batch_size: int, iterations: int, averaged: bool) -> None:
    """One process's share; prints its seconds."""
    if not averaged:
        import gan_lightning.training.alternating as alternating

        alternating.average = lambda tensors: None
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    accelerator = "gpu" if torch.cuda.device_count() > several else "cpu"
    machine = {"accelerator": accelerator, "devices": 2 if several else 1, "strategy": "ddp" if several else "auto"}
    watch = trained(batch_size, iterations, WARM_UP, **machine)
    print("seconds " + json.dumps([watch.cpu, watch.wall]))


def run(processes: int, averaged: bool, batch_size: int, iterations: int) -> tuple[float, float]:
    """CPU-seconds of all processes together, and wall-seconds of the slowest."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    command = [sys.executable, __file__, "--work", str(batch_size), str(iterations), str(int(averaged))]
    group = []
    for rank in range(processes):
        ranks = {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", "WORLD_SIZE": str(processes)}
        torchrun = {**ranks, "LOCAL_WORLD_SIZE": str(processes), "TORCHELASTIC_RUN_ID": "scaling"}
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
        environment = os.environ | where | (torchrun if processes > 1 else {})
        group.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    seconds = []
    for process in group:
        output, errors = process.communicate()
        if process.returncode:
            sys.exit(errors)
        seconds += [json.loads(line.removeprefix("seconds ")) for line in output.splitlines() if line[:7] == "seconds"]
    return sum(cpu for cpu, _ in seconds), max(wall for _, wall in seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 128, 512])
    parser.add_argument("--images", type=int, default=25_600, help="images of a process in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs=3, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work[0], options.work[1], bool(options.work[2]))
        return
    print(f"torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores, one thread a process, ", end="")
    print(f"{options.rounds} rounds of {options.images:,} images a process\n")
    print("| batch of a process | contender | images / s | of one process (lowest, highest) | CPU-ms an iteration |")
    print("|---|---|---|---|---|")
    for batch_size in options.batches:
        iterations = max(20, options.images // batch_size)
        seen = {name: [] for name in CONTENDERS}
        for first in range(options.rounds):
            names = list(CONTENDERS)
            for turn in range(len(names)):
                name = names[(first + turn) % len(names)]
                processes, averaged = CONTENDERS[name]
                cpu, wall = run(processes, averaged, batch_size, iterations)
                seen[name].append((processes * iterations * batch_size / wall, 1000 * cpu / processes / iterations))
        for name, pairs in seen.items():
            ratios = [speed / one for (speed, _), (one, _) in zip(pairs, seen["one process"], strict=True)]
            speed, cpu = (statistics.median(values) for values in zip(*pairs, strict=True))
            spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})"
            print(f"| {batch_size} | {name} | {speed:,.0f} | {spread} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()
