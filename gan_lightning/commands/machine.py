"""What this machine has to train with."""

import os
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Machine:
    """What training may use.

    Args:
        cores: CPU cores that this process may use.
        memory: Main memory, in GiB; 0 if it is not known.
        gpu: The name of the first GPU; None without one.
        gpu_memory: Free memory of that GPU, in GiB.
    """

    cores: int
    memory: float
    gpu: str | None = None
    gpu_memory: float = 0.0

    @classmethod
    def here(cls) -> "Machine":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if torch.cuda.is_available():
            return cls(cores, memory(), torch.cuda.get_device_name(0), torch.cuda.mem_get_info(0)[0] / 2**30)
        if torch.backends.mps.is_available():  # it shares the main memory
            return cls(cores, memory(), "the GPU of this Mac", memory())
        return cls(cores, memory())

    def __str__(self) -> str:
        cores = f"{self.cores} CPU core{'s' if self.cores > 1 else ''}"
        have = f", {self.memory:.0f} GiB of memory" if self.memory else ""
        return f"{cores}{have}, " + (f"{self.gpu} with {self.gpu_memory:.0f} GiB free" if self.gpu else "no GPU")


def memory() -> float:
    """Returns the main memory in GiB; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    except (AttributeError, OSError, ValueError):
        return 0.0
