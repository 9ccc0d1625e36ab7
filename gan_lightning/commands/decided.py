"""Lets one of several processes decide something for all, before training connects them."""

import json
import os
import time
from collections.abc import Callable, Sequence

from lightning.fabric.plugins.environments import ClusterEnvironment
from lightning.pytorch.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from torch.distributed import Store, rendezvous

from gan_lightning.core.distributed import follows
from gan_lightning.core.errors import TrainingError

DECIDED = "GAN_LIGHTNING_DECIDED"
"""The environment variable, and the key in the processes' store, with what the first process has decided."""

KNOWN_BY = "GAN_LIGHTNING_SEEN"
"""The key in the store with the number of processes that know."""

WAITS_FOR_OTHERS = 60.0
"""Seconds for which the first process waits for the others to learn of it."""


def decided_once(decide: Callable[[], Sequence[str]]) -> list[str]:
    """Returns the words that the first process of a training decides on, on every process.

    Processes that this one will start find them in the environment. Those that torchrun or SLURM has started beside it
    find them in the store through which they connect later.

    Args:
        decide: Called on the first process only.

    Raises:
        UserError: The first process has failed.
    """
    cluster = started_by()
    if cluster is None:
        if follows():
            return json.loads(os.environ[DECIDED])
        words = [*decide()]
        os.environ[DECIDED] = json.dumps(words)
        return words
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = cluster.main_address, str(cluster.main_port)
    store, rank, processes = next(rendezvous("env://", cluster.global_rank(), cluster.world_size()))
    return received(store) if rank else shared(decide, store, processes)


def shared(decide: Callable[[], Sequence[str]], store: Store, processes: int) -> list[str]:
    """Decides, and leaves the words in the store until all processes have them; or that there are none."""
    words = None
    try:
        words = [*decide()]
        return words
    finally:
        store.set(DECIDED, json.dumps(words))
        ends = time.monotonic() + WAITS_FOR_OTHERS
        while store.add(KNOWN_BY, 0) < processes - 1 and time.monotonic() < ends:
            time.sleep(0.02)


def received(store: Store) -> list[str]:
    """Returns what the first process has decided, once it has.

    Raises:
        TrainingError: It has failed.
    """
    words = json.loads(store.get(DECIDED))
    store.add(KNOWN_BY, 1)
    if words is None:
        raise TrainingError("the first process has chosen nothing: see its output")
    return words


def started_by() -> ClusterEnvironment | None:
    """Returns the environment of a launcher that has started several processes; None if this process is alone."""
    for environment in (TorchElasticEnvironment, SLURMEnvironment):
        if environment.detect() and environment().world_size() > 1:
            return environment()
    return None
