"""The interface of all feature extractors."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.configurable import Configurable, class_paths, defaults_of, describe, loaded_class
from gan_lightning.core.errors import UserError


class Extracted(NamedTuple):
    """The features of images.

    Args:
        features: (N, d), float32 on the CPU.
        probabilities: Class probabilities (N, K), float32 on the CPU; None for an extractor without classes.
    """

    features: Tensor
    probabilities: Tensor | None

    @classmethod
    def joined(cls, parts: list["Extracted"]) -> "Extracted":
        """Joins all rows, part after part."""
        features, probabilities = zip(*parts, strict=True)
        return cls(torch.cat(features), None if probabilities[0] is None else torch.cat(probabilities))

    def rows(self, chosen: Tensor) -> "Extracted":
        """Returns the features of some of the images."""
        return Extracted(self.features[chosen], None if self.probabilities is None else self.probabilities[chosen])


class Extractor(ABC):
    """Turns images into features that lie near each other where the images look alike.

    Scores of two extractors cannot be compared, so every result names its extractor.
    """

    name: str
    """The name in reports."""
    digest: str
    """The first twelve hexadecimal digits of the SHA-256 of its file; empty if it has no file."""
    about: Mapping[str, Any] = {}
    """What its file says of how it was trained."""
    stands_on = ""
    """The pretrained weights that it uses, by the name that judge.extractor takes; see `suspects`. Empty for weights
    that no loss can use."""
    literature: tuple[str, ...] = ()
    """Metrics that the literature computes on these features."""
    confident = 0.9
    """A class counts as found if the probability of it is above this for some sample."""

    @abstractmethod
    def extract(self, x: Tensor) -> Extracted:
        """Returns the features of images (N, C, H, W) in [-1, 1], each independent of the other images."""

    def to(self, device: torch.device) -> "Extractor":
        """Moves the extractor to a device."""
        return self


class Coordinates(Extractor):
    """Uses points of the plane as their own features."""

    name, digest = "the points themselves", ""

    def extract(self, x: Tensor) -> Extracted:
        if tuple(x.shape[2:]) != (1, 1):
            raise UserError(f"images of {x.shape[2]}x{x.shape[3]} are not points: choose another extractor")
        return Extracted(x.flatten(1).float().cpu(), None)


def suspects(extractor: Extractor, words: Any) -> str | None:
    """Says why an extractor should not judge a model; None if nothing speaks against it.

    A discriminator or a loss that looks through pretrained weights makes samples that are good in their eyes, which the
    same weights then confirm: Kynkäänniemi et al., "The role of ImageNet classes in Fréchet Inception distance", 2023.
    https://arxiv.org/abs/2203.06026. A network, objective or penalty says which weights it uses in its class's
    attribute `pretrained`, or in any argument, such as `backbone: EfficientNetLite0` or the path of a class of that
    name. Case and hyphens do not count.

    Args:
        extractor: The judge.
        words: A description of the model in plain values, such as `describe` returns and checkpoints hold. Of classes
            that are not loaded, the attribute is not known.
    """
    words = with_parts(words)
    classes = (loaded_class(path) for path in class_paths(words))
    called = {*texts(words), *(str(getattr(cls, "pretrained", "")) for cls in classes)}
    if extractor.stands_on and plain_name(extractor.stands_on) in map(plain_name, called):
        return f"the model was trained with the weights of {extractor.name}"
    return None


def with_parts(words: Any) -> Any:
    """Returns nested plain values in which each class also has the parts that it takes by default."""
    if isinstance(words, list):
        return [with_parts(inner) for inner in words]
    if not isinstance(words, dict):
        return words
    cls, given = loaded_class(str(words.get("class_path"))), words.get("init_args")
    given = given if isinstance(given, dict) else {}
    defaults = {} if cls is None else {key: part for key, part in defaults_of(cls).items() if key not in given}
    parts = [with_parts(describe(part)) for part in defaults.values() if isinstance(part, Configurable)]
    return {key: with_parts(inner) for key, inner in words.items()} | {"by_default": parts}


def texts(words: Any) -> Iterator[str]:
    """Yields every text in nested plain values."""
    if isinstance(words, str):
        yield words
    elif isinstance(words, (dict, list)):
        for inner in words.values() if isinstance(words, dict) else words:
            yield from texts(inner)


def plain_name(text: str) -> str:
    """The last part of a path, in lower case, of letters and digits only."""
    return "".join(c for c in text.rpartition(".")[2].lower() if c.isalnum())
