"""Metrics of a classifier's probabilities (N, K) on samples."""

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics.checks import check_finite_features
from gan_lightning.evaluation.metrics.estimate import Estimate, variance_of_mean


def classifier_score(probabilities: Tensor) -> Estimate:
    """Returns exp E[KL(p(y|x) || p(y))]: K for K equally frequent classes, all certain; 1 if all samples look alike.

    Salimans et al., "Improved techniques for training GANs", 2016, Section 4 ("Inception score").
    https://arxiv.org/abs/1606.03498. It sees neither copies nor missing variety within a class.

    Args:
        probabilities: (N, K), rows that sum to 1.

    Raises:
        UserError: There are fewer than two samples, or the rows are not probabilities.
    """
    p = checked_probabilities(probabilities)
    divergences = torch.xlogy(p, p).sum(1) - torch.xlogy(p, p.mean(0)).sum(1)
    score = divergences.mean().exp()
    return Estimate.of(score, score * divergences)


def classes_found(probabilities: Tensor, confidence: float = 0.0) -> int:
    """Counts the classes among samples whose largest probability is above the confidence.

    Without that threshold, noise counts, too: every image has a most likely class.

    Args:
        probabilities: (N, K), rows that sum to 1.
        confidence: From 0 (no threshold) to below 1.
    """
    sure, found = checked_probabilities(probabilities).max(1)
    return len(found[sure > confidence].unique())


def class_divergence(probabilities: Tensor, real: Tensor | None = None) -> Estimate:
    """Returns KL(classes of samples || classes of real images) in nats. Each sample counts for its most likely class.

    Args:
        probabilities: (N, K), rows that sum to 1.
        real: The frequencies of the classes in the data (K,), on any scale; equal if None.

    Raises:
        UserError: There are fewer than two samples, the rows are not probabilities, or a class has samples but no real
            images.
    """
    p = checked_probabilities(probabilities)
    classes = p.argmax(1)
    shares = torch.bincount(classes, minlength=p.shape[1]).double() / len(p)
    target = torch.ones_like(shares) if real is None else real.double().to(shares)
    if (shares > 0).logical_and(target <= 0).any():
        raise UserError("a class that has samples has no real images: the divergence is infinite")
    target = target / target.sum()
    surprise = torch.where(shares > 0, (shares / target).log(), 0.0)
    first = variance_of_mean(surprise[classes])
    twice = (len(shares) - 1) / (2 * len(p) ** 2)  # the variance of a chi-squared over 2N, which `first` counts twice
    return Estimate.normal((shares * surprise).sum(), (first - twice).clamp(min=first / 2).sqrt())


def checked_probabilities(probabilities: Tensor) -> Tensor:
    p = probabilities.detach().double()
    if p.dim() != 2 or len(p) < 2:
        raise UserError(f"probabilities have shape {tuple(p.shape)}; they must be (N, K), with N at least 2")
    check_finite_features(p, "samples")
    if (p < 0).any() or not torch.allclose(p.sum(1), p.new_ones(()), atol=1e-4):
        raise UserError("probabilities must be 0 or more, with rows that sum to 1")
    return p / p.sum(1, keepdim=True)
