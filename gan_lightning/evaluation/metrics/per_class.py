"""A metric for each class of images alone."""

from collections.abc import Callable

from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics.estimate import Estimate

LEAST_OF_CLASS = 20
"""The smallest number of real images, and of samples, of a class that is measured."""


def per_class(
    metric: Callable[[Tensor, Tensor], Estimate], real: Tensor, classes: Tensor, made: Tensor, told: Tensor
) -> dict[int, Estimate]:
    """Measures the samples of each class against the real images of that class.

    Such as `per_class(frechet, …)`, or `per_class(lambda x, y: density_coverage(x, y).coverage, …)`. Fewer images have
    a larger Fréchet distance, so compare with that of other real images, class by class.

    Args:
        metric: Compares features of real images (n, d) with those of samples (m, d).
        real: Features of real images, (N, d).
        classes: Their classes, (N,), int64.
        made: Features of samples, (M, d).
        told: The classes that the generator was told to make, (M,), int64.

    Returns:
        The estimate by class. Classes with fewer than `LEAST_OF_CLASS` of either are left out.

    Raises:
        UserError: There is not one class for each image, or the metric refuses the features.
    """
    if classes.shape != real.shape[:1] or told.shape != made.shape[:1]:
        raise UserError(
            f"there are {len(real):,} real images with {len(classes):,} classes, and {len(made):,} samples with "
            f"{len(told):,}: give one class for each"
        )
    counts = {int(c): min(int((classes == c).sum()), int((told == c).sum())) for c in classes.unique()}
    measured = [c for c, count in counts.items() if count >= LEAST_OF_CLASS]
    return {c: metric(real[classes == c], made[told == c]) for c in measured}
