"""The vision transformers of the literature: DINOv2 and CLIP, built by timm, with weights from a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from gan_lightning.core.blueprint import built
from gan_lightning.core.errors import UserError
from gan_lightning.core.weight_files import digest_of
from gan_lightning.evaluation.features.extractor import Extracted, Extractor
from gan_lightning.evaluation.features.pixels import bytes_resized, colour_bytes, resized

HUB = "https://huggingface.co/timm"
DINOV2_ADDRESS = f"{HUB}/vit_large_patch14_dinov2.lvd142m/resolve/main/model.safetensors"
CLIP_ADDRESS = f"{HUB}/vit_large_patch14_clip_336.openai/resolve/main/open_clip_model.safetensors"

DINOV2_SIDE, CLIP_SIDE = 224, 336
"""Pixels to which images are resized."""
TRANSFORMER_BLOCK = 20
"""Images that a network sees at once; the number is fixed, so that rounding is the same everywhere."""

DINOV2_STATISTICS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLIP_STATISTICS = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
"""Mean and standard deviation of red, green and blue, which the networks were trained with, for pixels in [0, 1]."""


class DINOv2(Extractor):
    """DINOv2 ViT-L/14, on whose 1,024 features FD-DINOv2 is computed.

    Oquab et al., "DINOv2: learning robust visual features without supervision", 2023,
    https://arxiv.org/abs/2304.07193; Stein et al., "Exposing flaws of generative model evaluation metrics and their
    unfair treatment of diffusion models", 2023, https://arxiv.org/abs/2306.04675. As in the latter's code
    (https://github.com/layer6ai-labs/dgm-eval), images are resized to 224x224 by an antialiased bicubic filter of
    bytes, and positions are interpolated as in DINOv2's own code. The Fréchet distance of the literature
    takes 50,000 samples.

    Args:
        weights: The file of the weights. If None, torch's folder of checkpoints has it.

    Raises:
        UserError: timm is not installed, or the file is not there or holds something else.
    """

    name, stands_on = "DINOv2 ViT-L/14", "DINOv2"

    def __init__(self, weights: str | Path | None = None) -> None:
        timm, path = import_timm("DINOv2"), weights_at("DINOv2", weights, "dinov2_vitl14.safetensors", DINOV2_ADDRESS)
        self.digest = digest_of(path)
        make = lambda: timm.create_model("vit_large_patch14_dinov2.lvd142m", img_size=DINOV2_SIDE)  # noqa: E731
        self.network = network_from(make, interpolated(tensors_in(path, DINOV2_ADDRESS)), path)

    def to(self, device: torch.device) -> "DINOv2":
        self.network.to(device)
        return self

    def extract(self, x: Tensor) -> Extracted:
        shown = lambda pixels: as_trained_on(bytes_resized(pixels, DINOV2_SIDE), DINOV2_STATISTICS)  # noqa: E731
        return Extracted(seen_by(self.network, colour_bytes(x.cpu(), self.name), shown), None)


class CLIP(Extractor):
    """CLIP ViT-L/14 at 336 pixels, on whose 768 features CMMD is computed; see `metrics.cmmd`.

    Radford et al., "Learning transferable visual models from natural language supervision", 2021,
    https://arxiv.org/abs/2103.00020; Jayasumana et al., "Rethinking FID: towards a better evaluation metric for image
    generation", 2024, https://arxiv.org/abs/2401.09603. As in the latter's code
    (https://github.com/google-research/google-research/tree/master/cmmd), images are resized to 336x336 by an
    antialiased bicubic filter, and features have length 1.

    Args:
        weights: The file of the weights. If None, torch's folder of checkpoints has it.

    Raises:
        UserError: timm is not installed, or the file is not there or holds something else.
    """

    name, stands_on = "CLIP ViT-L/14 at 336 px", "CLIP"
    literature = ("cmmd",)

    def __init__(self, weights: str | Path | None = None) -> None:
        timm, path = import_timm("CLIP"), weights_at("CLIP", weights, "clip_vitl14_336.safetensors", CLIP_ADDRESS)
        self.digest = digest_of(path)
        make = lambda: timm.create_model("vit_large_patch14_clip_quickgelu_336.openai")  # noqa: E731
        self.network = network_from(make, image_tower(tensors_in(path, CLIP_ADDRESS, "visual.")), path)

    def to(self, device: torch.device) -> "CLIP":
        self.network.to(device)
        return self

    def extract(self, x: Tensor) -> Extracted:
        shown = lambda pixels: as_trained_on(resized(pixels, CLIP_SIDE), CLIP_STATISTICS)  # noqa: E731
        return Extracted(F.normalize(seen_by(self.network, colour_bytes(x.cpu(), self.name), shown)), None)


@torch.no_grad()
def seen_by(network: nn.Module, pixels: Tensor, shown: Callable[[Tensor], Tensor]) -> Tensor:
    """Returns what a network makes of images (N, ...), prepared by `shown`, in 32 bits and on the CPU."""
    device = next(network.parameters()).device
    with torch.autocast(device.type, enabled=False):
        return torch.cat([network(shown(part).to(device)) for part in pixels.split(TRANSFORMER_BLOCK)]).float().cpu()


def as_trained_on(pixels: Tensor, statistics: tuple[tuple[float, ...], tuple[float, ...]]) -> Tensor:
    """Returns pixels (N, 3, H, W) in [0, 255], less the mean and over the standard deviation of each channel."""
    mean, deviation = (torch.tensor(values, device=pixels.device).view(3, 1, 1) for values in statistics)
    return (pixels / 255 - mean) / deviation


def network_from(make: Callable[[], Any], state: dict[str, Tensor], path: Path) -> nn.Module:
    return built(make, state, path).eval().requires_grad_(False)


def interpolated(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns DINOv2's weights with its grid of positions (1, 1 + 37 * 37, d) reduced to 16x16.

    In DINOv2's code (https://github.com/facebookresearch/dinov2, `interpolate_pos_encoding`), the ratio of the sides is
    (16 + 0.1) / 37, and the filter is not antialiased; with other filters, features differ a little.
    """
    positions, side = state.get("pos_embed", torch.zeros(0)), DINOV2_SIDE // 14
    if positions.dim() != 3 or positions.shape[1] != 1 + 37**2:
        return state
    grid = positions[:, 1:].unflatten(1, (37, 37)).permute(0, 3, 1, 2).float()
    ratio = (side + 0.1) / 37
    grid = F.interpolate(grid, scale_factor=(ratio, ratio), mode="bicubic")
    return {**state, "pos_embed": torch.cat([positions[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)}


RENAMED = {
    "conv1": "patch_embed.proj",
    "ln_pre": "norm_pre",
    "ln_post": "norm",
    "ln_1": "norm1",
    "ln_2": "norm2",
    "transformer.resblocks": "blocks",
    "in_proj_": "qkv.",
    "out_proj": "proj",
    "c_fc": "fc1",
    "c_proj": "fc2",
    "class_embedding": "cls_token",
    "positional_embedding": "pos_embed",
}
"""Words in the names of CLIP's tensors, and timm's words for them."""


def image_tower(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the weights of CLIP's image encoder by the names and in the shapes of timm's network."""
    renamed_state = {}
    for name, tensor in state.items():
        for theirs, ours in RENAMED.items():
            name = name.replace(theirs, ours)
        renamed_state[name] = tensor.float()
    width = len(renamed_state.get("cls_token", ()))
    projection = renamed_state.pop("proj", torch.zeros(width, 0))
    return {
        **renamed_state,
        **{key: renamed_state[key].reshape(1, -1, width) for key in ("cls_token", "pos_embed") if key in renamed_state},
        "head.weight": projection.T.contiguous(),
        "head.bias": torch.zeros(projection.shape[-1]),
    }


def tensors_in(path: Path, address: str, prefix: str = "") -> dict[str, Tensor]:
    """Reads the tensors of a .safetensors file whose names begin with a prefix, and takes it away.

    Raises:
        UserError: It is no such file.
    """
    try:
        with safe_open(path, "pt") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 - not a mapping
            return {name.removeprefix(prefix): file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise UserError(f"{path} is not the file of {address}: fetch it again") from error


def import_timm(needed_by: str) -> Any:
    """Imports timm.

    Raises:
        UserError: It is not installed.
    """
    try:
        import timm  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UserError(f'judge.extractor {needed_by} needs timm: pip install "gan-lightning[literature]"') from error
    return timm


def weights_at(extractor: str, weights: str | Path | None, name: str, address: str) -> Path:
    """Returns the file of the weights.

    Raises:
        UserError: It is not there.
    """
    path = Path(weights) if weights else Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        raise UserError(
            f"judge.extractor {extractor} needs its weights, which are not downloaded by themselves: put "
            f"{address} at {path}"
        )
    return path
