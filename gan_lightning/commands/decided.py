"""Lets one of several processes decide something for all, before training connects them."""

import json
import os
from collections.abc import Callable, Sequence

from lightning.fabric.plugins.environments import ClusterEnvironment
from lightning.pytorch.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from torch.distributed import DistError, Store, rendezvous

from gan_lightning.core.distributed import follows
from gan_lightning.core.errors import TrainingError

DECIDED = "GAN_LIGHTNING_DECIDED"
"""The environment variable, and the key in the processes' store, with what the first process has decided."""


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
    store, rank, _ = next(rendezvous("env://", cluster.global_rank(), cluster.world_size()))
    if rank:
        return received(store)
    try:
        words = [*decide()]
    except BaseException:
        store.set(DECIDED, "null")
        raise
    store.set(DECIDED, json.dumps(words))
    return words


def received(store: Store) -> list[str]:
    """Returns what the first process has decided, once it has."""
    try:
        words = json.loads(store.get(DECIDED))
    except DistError:  # it has ended, and its store with it
        words = None
    if words is None:
        raise TrainingError("the first process has chosen nothing: see its output")
    return words


def started_by() -> ClusterEnvironment | None:
    """Returns the environment of a launcher that has started several processes; None if this process is alone."""
    for environment in (TorchElasticEnvironment, SLURMEnvironment):
        if environment.detect() and environment().world_size() > 1:
            return environment()
    return None
