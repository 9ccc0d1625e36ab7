"""The metrics in anybody's LightningModule: they equal torchmetrics' own, and leave everything else alone."""

import lightning
import pytest
import torch
from helpers.processes import together
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation import metric_modules, metrics
from gan_lightning.evaluation.features import Extracted, Extractor
from gan_lightning.evaluation.metric_modules import (
    ClassifierScore,
    Coverage,
    DataCopying,
    FrechetDistance,
    KernelDistance,
    SampleMetric,
    SubsetKernelDistance,
)


def normal(n: int, seed: int, d: int = 6) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


REAL, MADE = normal(60, 1), 1.3 * normal(50, 2) + 0.2


class Same(nn.Module):
    """Features of images that are features."""

    num_features = 6

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).float()


class Halves(Extractor):
    """Images are their own features, halved. It has weights, which nobody is to train."""

    name, digest = "halves", ""

    def __init__(self) -> None:
        self.network = nn.Linear(1, 1)

    def extract(self, x: Tensor) -> Extracted:
        return Extracted(x.flatten(1) / 2, None)


def seen(metric, real: Tensor = REAL, made: Tensor = MADE):
    for block in real.split(7):
        metric.update(block, real=True)
    for block in made.split(11):
        metric.update(block, real=False)
    return metric


def as_images(x: Tensor) -> Tensor:
    return x[:, :, None, None]


def test_the_frechet_distance_is_that_of_torchmetrics():
    theirs = FrechetInceptionDistance(feature=Same(), normalize=True, input_img_size=(6, 1, 1))
    seen(theirs.set_dtype(torch.float64), as_images(REAL), as_images(MADE))
    assert seen(FrechetDistance()).compute().item() == pytest.approx(theirs.compute().item(), rel=1e-4)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all extracted features")
def test_the_kernel_distance_without_standardisation_is_the_kid_of_torchmetrics():
    """With subsets of all, theirs draws nothing but the order."""
    theirs = KernelInceptionDistance(feature=Same(), subsets=1, subset_size=50, normalize=True)
    seen(theirs, as_images(REAL[:50]), as_images(MADE))
    with torch.random.fork_rng():
        expected = theirs.compute()[0].item()
    for ours in (KernelDistance(standardise=False), SubsetKernelDistance(subsets=2, size=50)):
        assert seen(ours, REAL[:50]).compute().item() == pytest.approx(expected, rel=1e-4)


ALL = [
    kind
    for kind in vars(metric_modules).values()
    if isinstance(kind, type) and issubclass(kind, SampleMetric) and kind not in (SampleMetric, ClassifierScore)
]


def value_of(kind: type[SampleMetric], real: Tensor = REAL, made: Tensor = MADE) -> float:
    metric = seen(kind(), real, made)
    if isinstance(metric, DataCopying):
        metric.update(normal(40, 3), real=True, held_out=True)
    return metric.compute().item()


@pytest.mark.parametrize("kind", ALL)
def test_blocks_and_autocast_and_the_random_stream_make_no_difference(kind):
    before = torch.get_rng_state()
    with torch.autocast("cpu"):
        value = value_of(kind)
    assert value == value_of(kind)
    assert torch.equal(before, torch.get_rng_state())


def test_the_values_are_those_of_the_functions():
    assert seen(FrechetDistance()).estimate() == metrics.frechet(REAL, MADE)
    assert value_of(Coverage) == metrics.density_coverage(REAL, MADE).coverage.value
    assert value_of(DataCopying) == metrics.copying(REAL, normal(40, 3), MADE).value
    p = MADE.softmax(1)
    score = ClassifierScore()
    score.update(p)
    assert score.compute().item() == metrics.classifier_score(p).value


def test_an_extractor_is_used_and_is_no_submodule():
    metric = seen(FrechetDistance(Halves()), as_images(REAL), as_images(MADE))
    assert metric.compute().item() == metrics.frechet(REAL / 2, MADE / 2).value
    assert not [*metric.parameters()]
    assert not metric.state_dict()
    assert len([*metric.modules()]) == 1
    with pytest.raises(UserError, match="would become a submodule"):
        FrechetDistance(Same())  # type: ignore[arg-type]


def test_nothing_to_compare_is_refused_and_a_reset_forgets():
    metric = FrechetDistance()
    metric.update(REAL, real=True)
    with pytest.raises(UserError, match="the metric has seen no samples: call update"):
        metric.compute()
    metric.reset()
    assert metric.real == metric.made == []


class Watched(lightning.LightningModule):
    """A module of somebody else's."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.distance = nn.Linear(6, 6), FrechetDistance()

    def configure_optimizers(self):
        return torch.optim.SGD(self.layer.parameters(), lr=0.0)

    def training_step(self, batch, batch_idx):
        return self.layer(batch).square().mean()

    def validation_step(self, batch, batch_idx):
        self.distance.update(batch, real=True)
        self.distance.update(1.3 * batch + 0.2, real=False)
        self.log("distance", self.distance)


def logged(strategy: str, devices: int) -> float:
    module = Watched()
    trainer = lightning.Trainer(
        accelerator="cpu",
        strategy=strategy,
        devices=devices,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader = torch.utils.data.DataLoader(REAL, batch_size=10)  # type: ignore[arg-type]
    return trainer.validate(module, loader, verbose=False)[0]["distance"]


def test_it_is_logged_in_a_small_lightning_module_and_two_processes_find_what_one_does():
    expected = metrics.frechet(REAL, 1.3 * REAL + 0.2).value
    assert logged("auto", 1) == pytest.approx(expected, rel=1e-6)
    assert together(logged, "ddp", 2) == pytest.approx([expected] * 2, rel=1e-6)
