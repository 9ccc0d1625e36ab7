"""The metrics as `torchmetrics.Metric`s, for any LightningModule: update with images or features, then compute."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric as TorchMetric
from torchmetrics.utilities.data import dim_zero_cat

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.features import Extractor
from gan_lightning.evaluation.metrics import (
    Estimate,
    authenticity,
    classifier_score,
    copying,
    density_coverage,
    frechet,
    frechet_infinity,
    kernel_distance,
    kid,
    precision_recall,
)


class SampleMetric(TorchMetric):
    """Compares samples with real images. All features are kept until `reset`; several processes share theirs.

    Nothing is drawn from the global random stream. The extractor is no submodule: it has no part in `parameters()`,
    `state_dict()` or `train()`.

    Args:
        extractor: Extracts the features of images. If None, `update` takes features.
        **options: Of `torchmetrics.Metric`, such as `dist_sync_on_step`.
    """

    full_state_update = False
    is_differentiable = False
    real: list[Tensor]
    made: list[Tensor]

    def __init__(self, extractor: Extractor | None = None, **options: Any) -> None:
        super().__init__(**options)
        if isinstance(extractor, torch.nn.Module):
            raise UserError("extractor is a torch.nn.Module, which would become a submodule: give an Extractor")
        self.extractor = extractor
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("made", [], dist_reduce_fx="cat")

    def update(self, x: Tensor, real: bool) -> None:
        """Adds real images or samples.

        Args:
            x: Images (N, C, H, W) in [-1, 1]; or features (N, d), if there is no extractor.
            real: Whether they are real images.
        """
        (self.real if real else self.made).append(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """Returns the features (N, d) of images, on the device of this metric."""
        if self.extractor is not None:
            x = self.extractor.to(x.device).extract(x).features
        return x.detach().to(self.device)

    def compute(self) -> Tensor:
        """Returns the value, (), float64. Call `estimate` for its 95 % interval."""
        single = self.device.type == "mps"  # which has no float64
        return torch.tensor(self.estimate().value, dtype=torch.float32 if single else torch.float64, device=self.device)

    def estimate(self) -> Estimate:
        """Returns the value with its 95 % interval; of several processes' images only while `compute` runs.

        Raises:
            UserError: There are no real images, or no samples; or the metric refuses their features.
        """
        return self.measured(joined_features(self.real, "real images"), joined_features(self.made, "samples"))

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        """Compares features of real images (N, d) with those of samples (M, d)."""
        raise NotImplementedError


def joined_features(blocks: list[Tensor] | Tensor, whose: str) -> Tensor:
    """Joins what was added, (N, d)."""
    if len(blocks) == 0:
        raise UserError(f"the metric has seen no {whose}: call update() with them before compute()")
    return dim_zero_cat(blocks)


class FrechetDistance(SampleMetric):
    """The Fréchet distance; see `metrics.frechet`."""

    higher_is_better = False

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return frechet(real, made)


class FrechetDistanceAtInfinity(SampleMetric):
    """The Fréchet distance without the bias of few images; see `metrics.frechet_infinity`."""

    higher_is_better = False

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return frechet_infinity(real, made)


class KernelDistance(SampleMetric):
    """The kernel distance over all pairs; see `metrics.kernel_distance`.

    Args:
        standardise: Whether features are standardised first. Without, it is the KID over all pairs.
        extractor: Extracts the features of images. If None, `update` takes features.
        **options: Of `torchmetrics.Metric`.
    """

    higher_is_better = False

    def __init__(self, standardise: bool = True, extractor: Extractor | None = None, **options: Any) -> None:
        super().__init__(extractor, **options)
        self.standardise = standardise

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return kernel_distance(real, made, self.standardise)


class SubsetKernelDistance(SampleMetric):
    """The KID as the literature reports it, a mean over random subsets; see `metrics.kid`.

    Args:
        subsets: The number of pairs of subsets.
        size: Features in a subset; all, if there are fewer.
        seed: The seed of the subsets.
        extractor: Extracts the features of images. If None, `update` takes features.
        **options: Of `torchmetrics.Metric`.
    """

    higher_is_better = False

    def __init__(
        self,
        subsets: int = 10,
        size: int = 1000,
        seed: int = 0,
        extractor: Extractor | None = None,
        **options: Any,
    ) -> None:
        super().__init__(extractor, **options)
        self.subsets, self.size, self.seed = subsets, size, seed

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return kid(real, made, self.subsets, self.size, self.seed)


class Precision(SampleMetric):
    """The share of samples that lie where real images lie; see `metrics.precision_recall`."""

    higher_is_better = True

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return precision_recall(real, made).precision


class Recall(SampleMetric):
    """The share of real images that lie where samples lie; see `metrics.precision_recall`."""

    higher_is_better = True

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return precision_recall(real, made).recall


class Density(SampleMetric):
    """How densely samples lie around real images; see `metrics.density_coverage`."""

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return density_coverage(real, made).density


class Coverage(SampleMetric):
    """The share of real images with a sample in their neighbourhood; see `metrics.density_coverage`."""

    higher_is_better = True

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return density_coverage(real, made).coverage


class Authenticity(SampleMetric):
    """The share of samples that are not copies of the real images, the training images; see `metrics.authenticity`."""

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return authenticity(real, made)


class DataCopying(SampleMetric):
    """C_T, how much farther samples lie from training images than held-out images do; see `metrics.copying`.

    Training images are given as real images; held-out images, too, with `held_out=True`.

    Args:
        extractor: Extracts the features of images. If None, `update` takes features.
        **options: Of `torchmetrics.Metric`.
    """

    held_out: list[Tensor]

    def __init__(self, extractor: Extractor | None = None, **options: Any) -> None:
        super().__init__(extractor, **options)
        self.add_state("held_out", [], dist_reduce_fx="cat")

    def update(self, x: Tensor, real: bool, held_out: bool = False) -> None:
        """Adds training images, held-out images (both real), or samples; see `SampleMetric.update`."""
        (self.held_out if held_out else self.real if real else self.made).append(self.features(x))

    def measured(self, real: Tensor, made: Tensor) -> Estimate:
        return copying(real, joined_features(self.held_out, "held-out images"), made)


class ClassifierScore(SampleMetric):
    """The classifier score ("Inception score"); see `metrics.classifier_score`. It looks at samples only.

    Its extractor knows classes; without an extractor, `update` takes probabilities (N, K).
    """

    higher_is_better = True

    def update(self, x: Tensor, real: bool = False) -> None:
        """Adds samples; real images are not looked at."""
        if not real:
            self.made.append(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """Returns the probabilities (N, K) of images."""
        found = x if self.extractor is None else self.extractor.to(x.device).extract(x).probabilities
        if found is None:
            raise UserError("the extractor knows no classes: a classifier score needs one that does")
        return found.detach().to(self.device)

    def estimate(self) -> Estimate:
        return classifier_score(joined_features(self.made, "samples"))
