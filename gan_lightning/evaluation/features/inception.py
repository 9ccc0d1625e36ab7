"""The Inception network of the FID, as implemented by torch-fidelity."""

import contextlib
import io
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core import checkpoint_files
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import channels_in_words
from gan_lightning.core.weight_files import digest_of
from gan_lightning.evaluation.features.extractor import Extracted, Extractor

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{WEIGHTS}"
HASH_PREFIX = "6726825d"
"""The first digits of the SHA-256 of the weights."""
INPUT_SIDE = 299


class Inception(Extractor):
    """Inception-v3 of 2015, on whose 2,048 features the FID of the literature is computed.

    Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017.
    https://arxiv.org/abs/1706.08500. The network and its weights are those of torch-fidelity (Obukhov et al., 2020,
    https://github.com/toshas/torch-fidelity), which enlarges images to 299x299 exactly as the original does. Larger
    images are reduced first by an antialiased bicubic filter: Parmar, Zhang and Zhu, "On aliased resizing and
    surprising subtleties in GAN evaluation", 2022. https://arxiv.org/abs/2104.11222. Grey images get three channels.

    Args:
        weights: The file of the weights. If None, they are downloaded once (95 MB).

    Raises:
        UserError: torch-fidelity is not installed, or the weights are not available.
    """

    name, stands_on = "Inception-v3 (2015)", "Inception"
    literature = ("kid",)

    def __init__(self, weights: str | Path | None = None) -> None:
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import (  # pyright: ignore[reportMissingImports]
                FeatureExtractorInceptionV3,
            )
        except ImportError as error:
            raise UserError(
                "judge.extractor Inception needs torch-fidelity: pip install torch-fidelity (or train a feature "
                "network of your own: gan fit --config extractor)"
            ) from error
        path = Path(weights) if weights else downloaded()
        self.digest = digest_of(path)
        if not (weights or self.digest.startswith(HASH_PREFIX)):
            raise UserError(f"{path} is not the file of {ADDRESS}: delete it, and it is downloaded again")
        checkpoint_files.read_tensors(path)  # torch-fidelity itself would execute what is in the file
        with contextlib.redirect_stdout(io.StringIO()):
            self.network: Any = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], str(path))

    def to(self, device: torch.device) -> "Inception":
        self.network.to(device)
        return self

    @torch.no_grad()
    def extract(self, x: Tensor) -> Extracted:
        features, logits = self.network(as_pixels(x.to(next(self.network.buffers()).device)))
        return Extracted(features.cpu(), logits.softmax(1).cpu())


def as_pixels(x: Tensor) -> Tensor:
    """Converts images in [-1, 1] to uint8 with three channels and at most 299 pixels a side."""
    x = x.float().expand(-1, 3, -1, -1) if x.shape[1] == 1 else x.float()
    if x.shape[1] != 3:
        raise UserError(f"Inception takes images with 1 or 3 channels, but these have {channels_in_words(x.shape[1])}")
    if max(x.shape[2:]) > INPUT_SIDE:
        x = F.interpolate(x, size=(INPUT_SIDE, INPUT_SIDE), mode="bicubic", antialias=True)
    return (x * 127.5 + 127.5).round().clamp(0, 255).byte()


def downloaded() -> Path:
    """Returns the file of the weights, which is downloaded once into torch's folder of checkpoints."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(ADDRESS, str(path), hash_prefix=HASH_PREFIX)
        except Exception as error:  # torch passes on any error of urllib or of the disk
            raise UserError(
                f"the weights of Inception could not be downloaded ({error}): put {ADDRESS} at {path} by hand, or "
                "train a feature network of your own: gan fit --config extractor"
            ) from error
    return path
