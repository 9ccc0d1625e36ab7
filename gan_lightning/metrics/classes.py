"""What a classifier says of samples: pure functions of its probabilities (N, K)."""

import torch
from torch import Tensor

from gan_lightning.errors import UserError


def classifier_score(probabilities: Tensor) -> float:
    """Exp E[KL(p(y|x) || p(y))]: K for K classes alike that are told apart for sure, 1 where all samples look alike.

    Salimans et al., "Improved techniques for training GANs", 2016, Section 4 ("Inception score").
    https://arxiv.org/abs/1606.03498. It sees neither copies nor what is missing inside a class.

    Args:
        probabilities: (N, K), rows that sum to 1.

    Raises:
        UserError: They are no probabilities.
    """
    p = checked(probabilities)
    marginal = p.mean(0)
    return (torch.xlogy(p, p).sum(1).mean() - torch.xlogy(marginal, marginal).sum()).exp().item()


def classes_found(probabilities: Tensor, confidence: float = 0.0) -> int:
    """How many classes occur among samples whose largest probability is above the confidence.

    Without the filter noise is counted, too: every image has some most likely class.

    Args:
        probabilities: (N, K), rows that sum to 1.
        confidence: From 0 (no filter) to below 1.
    """
    sure, found = checked(probabilities).max(1)
    return len(found[sure > confidence].unique())


def class_divergence(probabilities: Tensor, real: Tensor | None = None) -> float:
    """KL(classes of samples || classes of real images) in nats, each sample counted for its most likely class.

    Args:
        probabilities: (N, K), rows that sum to 1.
        real: How often each class occurs in the data (K,), any scale; evenly if None.

    Raises:
        UserError: They are no probabilities, or a class has samples but no real images.
    """
    p = checked(probabilities)
    shares = torch.bincount(p.argmax(1), minlength=p.shape[1]).double() / len(p)
    target = torch.ones_like(shares) if real is None else real.double().to(shares)
    if (shares > 0).logical_and(target <= 0).any():
        raise UserError("a class that has samples has no real images: the divergence is infinite")
    target = target / target.sum()
    return (torch.xlogy(shares, shares) - torch.xlogy(shares, target.clamp(min=1e-300))).sum().item()


def checked(probabilities: Tensor) -> Tensor:
    p = probabilities.detach().double()
    if p.dim() != 2 or not len(p) or (p < 0).any() or not torch.allclose(p.sum(1), p.new_ones(()), atol=1e-4):
        raise UserError(f"probabilities have shape {tuple(p.shape)}; they must be (N, K) with rows that sum to 1")
    return p / p.sum(1, keepdim=True)
