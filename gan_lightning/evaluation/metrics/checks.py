"""What features (N, d) must be, to be compared."""

from torch import Tensor

from gan_lightning.core.errors import UserError


def clouds(real: Tensor, made: Tensor, least: int) -> tuple[Tensor, Tensor]:
    """Checks two sets of features, and returns both as float64.

    Samples that are all the same are a collapse, which is measured. Real images that are all the same to the network
    are a mistake.

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).
        least: The least number of each.

    Raises:
        UserError: There are fewer, their lengths differ, some are not finite, or the real ones are all the same.
    """
    if real.dim() != 2 or made.dim() != 2 or real.shape[1] != made.shape[1] or min(len(real), len(made)) < least:
        raise UserError(
            f"features have shapes {tuple(real.shape)} and {tuple(made.shape)}; they must be (N, d) and (M, d) with "
            f"N and M at least {least}"
        )
    check_finite_features(real, "real images")
    check_finite_features(made, "samples")
    check_varied(real)
    return real.detach().double(), made.detach().double()


def check_finite_features(features: Tensor, whose: str) -> None:
    """Refuses features (N, d) that are infinite or not a number."""
    bad = int((~features.isfinite()).any(1).sum())
    if bad:
        raise UserError(
            f"{bad:,} of {len(features):,} {whose} have features that are infinite or not a number (NaN): there may be "
            "such pixels, or such weights in the feature network"
        )


def check_varied(real: Tensor) -> None:
    """Refuses real images (N, d) that all have the same features; a single one has nothing to differ from."""
    if len(real) > 1 and bool((real == real[0]).all()):
        raise UserError(
            f"the features of all {len(real):,} real images are the same: compare with different images, or choose a "
            "feature network that tells them apart (judge.extractor)"
        )
