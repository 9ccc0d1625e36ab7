"""Numbers that name images by their content, so that an image is held out or not whatever else is in the data set."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning.core.nesting import looked_up

BITS = 62
"""Identities are numbers below 2^BITS, uniformly distributed over different images."""

BLOCK = 64
"""Images that are looked at together."""


def identity_of(strips: Iterable[np.ndarray]) -> int:
    """Returns a number that an image shares with its mirror image, and with hardly any other.

    Args:
        strips: The image from top to bottom, in parts (h, W, C).
    """
    pair = blake2b(), blake2b()
    for strip in strips:
        for digest, pixels in zip(pair, (strip, strip[:, ::-1]), strict=True):
            digest.update(np.ascontiguousarray(pixels).data)
    both = b"".join(sorted(digest.digest() for digest in pair))
    return int.from_bytes(blake2b(both, digest_size=8).digest(), "big") >> (64 - BITS)


def identify(images: Dataset) -> Tensor:
    """Returns the identities (N,), int64, of the images of a data set, which takes a tensor of indices."""
    count = len(images)  # type: ignore[arg-type]
    blocks = (images[block][0].movedim(1, -1).numpy() for block in torch.arange(count).split(BLOCK))
    numbers = (identity_of([image]) for block in blocks for image in block)
    return torch.from_numpy(np.fromiter(numbers, np.int64, count))


def in_order(identities: Tensor) -> Tensor:
    """Returns indices that put images in the order of their identities, which is as good as random."""
    return identities.argsort(stable=True)


def share_below(share: float) -> int:
    """Returns the number below which this share of all identities lies."""
    return int(share * 2**BITS)


@dataclass(frozen=True)
class Origin:
    """What a network was trained on: enough to recognise the same images again, in any order.

    Args:
        images: Number of images.
        digest: The first twelve hexadecimal digits of a hash of their identities.
    """

    images: int
    digest: str

    @classmethod
    def of(cls, identities: Tensor) -> "Origin":
        return cls(len(identities), blake2b(identities.sort().values.numpy().tobytes()).hexdigest()[:12])

    @classmethod
    def read(cls, words: Any) -> "Origin | None":
        """Returns what a file says of it; None if it says nothing."""
        images, digest = looked_up(words, "images"), looked_up(words, "digest")
        return cls(images, digest) if isinstance(images, int) and isinstance(digest, str) else None

    def words(self) -> dict[str, Any]:
        """Returns plain values for a file, which `read` takes back."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.images:,} images ({self.digest})"
