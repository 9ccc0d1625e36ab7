"""Mixing of styles: the shapes of one image with the colours and textures of another."""

from contextlib import ExitStack
from functools import partial
from itertools import repeat

import torch
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.walk import Model, images_from
from gan_lightning.networks.fastgan import Excitation


@torch.no_grad()
def mixed_styles(model: Model, contents: Latents, styles: Latents) -> Tensor:
    """Returns images (N * M, C, H, W), content by content, each with every style in turn.

    In a `FastGANGenerator`, small maps say how strong the channels of large maps are. Here the small maps of the style
    say it for the large maps of the content.

    Liu et al., "Towards faster and stabilized GAN training for high-fidelity few-shot image synthesis", 2021, Section
    3.1 and Figure 7. https://arxiv.org/abs/2101.04775

    Args:
        model: Makes the images.
        contents: N latents.
        styles: M latents.

    Raises:
        UserError: The network has no such stages.
    """
    gates = stages_of(model)
    strengths: dict[nn.Module, Tensor] = {}
    with ExitStack() as hooks:
        for gate in gates:
            hooks.callback(gate.register_forward_hook(partial(keep, strengths)).remove)
        images_from(model, styles.z, styles.y)
    n, m = len(contents.z), len(styles.z)
    with ExitStack() as hooks:
        for gate in gates:
            hooks.callback(gate.register_forward_hook(partial(replaced_by, strengths, n)).remove)
        y = None if contents.y is None else contents.y.repeat_interleave(m)
        return images_from(model, contents.z.repeat_interleave(m, 0), y)


def stages_of(model: Model) -> list[Excitation]:
    """Returns the layers that say how strong channels are.

    Raises:
        UserError: There are none.
    """
    found = (
        [layer for layer in model.modules() if isinstance(layer, Excitation)] if isinstance(model, nn.Module) else []
    )
    if not found:
        raise UserError("this network has no stages, so there is no style to mix: leave out styles "
                        "(FastGANGenerator has stages)")  # fmt: skip
    return found


def keep(strengths: dict[nn.Module, Tensor], gate: nn.Module, inputs: object, output: Tensor) -> None:
    strengths[gate] = output


def replaced_by(
    strengths: dict[nn.Module, Tensor], contents: int, gate: nn.Module, inputs: object, output: Tensor
) -> Tensor:
    """Returns the strengths of the styles, once for each content, in place of a layer's own."""
    return torch.cat([*repeat(strengths[gate], contents)])
