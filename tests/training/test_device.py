"""What an iteration must not do on a GPU: wait for it. And how tensors may lie in memory."""

import traceback
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import Slopes, equal, fit, state, tiny_gan
from helpers.variants import small
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils._python_dispatch import TorchDispatchMode

from gan_lightning.augmentation import ADA, DiffAugment
from gan_lightning.networks import R3GANDiscriminator, R3GANGenerator
from gan_lightning.objectives import RelativisticPaired
from gan_lightning.penalties import R1, R2, LeCam
from gan_lightning.training.optimization import Optimization
from gan_lightning.training.schedules import Cosine

READS = {
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.nonzero.default,
    torch.ops.aten.masked_select.default,
    torch.ops.aten.equal.default,
}
"""Operations whose result the CPU has to know: behind item(), bool(), tolist(), masks as indices."""


class Watched(TorchDispatchMode):
    """Notes where a number is read. (Optimizers that are not fused count their steps on the CPU, on any device.)"""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in READS:
            places = traceback.extract_stack()
            if not any(Path("torch/optim").as_posix() in Path(place.filename).as_posix() for place in places):
                self.read.append("".join(traceback.format_list(places[-8:])))
        return func(*args, **kwargs or {})


class Iteration(Callback):
    """Watches the iterations after the first."""

    def __init__(self) -> None:
        self.watched = Watched()

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if trainer.global_step:
            pl_module.training_step = partial(self.step, type(pl_module).training_step, pl_module)

    def step(self, training_step, *arguments) -> None:
        with self.watched:
            training_step(*arguments)


FUSED = Optimization(partial(torch.optim.Adam, lr=1e-3, fused=True), gradient_clip=0.1)
PLAYERS = {"generator_optimization": FUSED, "discriminator_optimization": FUSED}

CONFIGS: dict[str, Any] = {
    "R1 now and then": lambda: {"penalties": [R1(every=2), LeCam()], **PLAYERS},
    "ADA": lambda: {"augmentation": ADA(speed=100, p=0.5, filters=True, noise=True, cutout=True), **PLAYERS},
    "DiffAugment": lambda: {"augmentation": DiffAugment()},
    "R3GAN": lambda: {
        "generator": small(R3GANGenerator),
        "discriminator": small(R3GANDiscriminator),
        "objective": RelativisticPaired(),
        "penalties": [R1(None), R2(None)],
        "augmentation": ADA(speed=0),
        "average_half_life": 10.0,
        "schedules": {"augmentation.p": Cosine(0.5), "penalties.R1.strength": Cosine(0.1)},
        **PLAYERS,
    },
}


@pytest.mark.parametrize("name", CONFIGS)
def test_an_iteration_reads_no_number(name, monkeypatch):
    gan, iteration = tiny_gan(**CONFIGS[name]()), Iteration()
    # a CPU is checked in every iteration, a GPU when numbers are logged
    monkeypatch.setattr(gan.finite, "check", lambda: None)
    fit(gan, callbacks=[iteration], max_steps=4, log_every_n_steps=100)
    assert not iteration.watched.read, iteration.watched.read[0]


def test_a_number_that_is_read_is_seen():
    with Watched() as watched:
        float(torch.ones(1) + 1)
    assert watched.read


# ---- channels last ------------------------------------------------------------------------------------------------


def r3gan(channels_last: bool) -> Any:
    torch.manual_seed(0)
    players = {"generator": small(R3GANGenerator), "discriminator": small(R3GANDiscriminator)}
    return tiny_gan(**players, penalties=[R1()], channels_last=channels_last, **PLAYERS)


def test_channels_last_changes_gradients_by_rounding_alone():
    found = []
    for channels_last in (False, True):
        seen = Slopes()
        fit(r3gan(channels_last), callbacks=[seen], max_steps=2)
        found.append(torch.cat(seen.seen))
    assert (found[0] - found[1]).norm() < 1e-5 * found[0].norm()


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
def test_channels_last_lies_so_and_resumes_bit_for_bit(tmp_path):
    def end(**options: Any) -> dict[str, Any]:
        gan = r3gan(channels_last=True)
        saves = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=2, save_top_k=-1, enable_version_counter=False)
        fit(gan, callbacks=[saves], max_steps=4, enable_checkpointing=True, **options)
        kernels = [p for p in gan.parameters() if p.dim() == 4 and p.shape[1] > 1]
        assert kernels
        assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
        return state(tmp_path / "step=4.ckpt")

    assert equal(end(), end(ckpt_path=tmp_path / "step=2.ckpt"))
