"""The encoder, which maps an image to a distribution of its latent."""

import copy

from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.networks import Discriminator, Generator
from gan_lightning.networks.layers import MinibatchStddev


class Encoder(nn.Module):
    """A discriminator's features (N, F), then one linear layer to mean and log-variance of q(z|x), (N, 2 * latent_dim).

    The discriminator's own head is removed. The new layer is initialised with zeros, so that training starts with
    q(z|x) equal to the prior. For a decoder with labels, each class adds a learnt vector: q(z|x, y).

    Args:
        network: The discriminator.
        generator: The decoder, which takes the latents.

    Raises:
        UserError: The two do not fit together.
    """

    def __init__(self, network: Discriminator, generator: Generator) -> None:
        super().__init__()
        check_encoder(network, generator)
        self.network = copy.deepcopy(network)  # the caller's network keeps its head
        if isinstance(getattr(network, "head", None), nn.Module):
            self.network.head = nn.Identity()
        self.last = nn.Linear(network.features_dim, 2 * generator.latent_dim)
        self.by_class = nn.Embedding(generator.classes, 2 * generator.latent_dim) if generator.classes else None
        for parameter in (*self.last.parameters(), *(self.by_class.parameters() if self.by_class else ())):
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        out = self.last(self.network.features(x))
        return out if self.by_class is None else out + self.by_class(y)


def check_encoder(network: Discriminator, generator: Generator) -> None:
    """Refuses an encoder that does not fit the decoder, or does not treat each image alone."""
    name = type(network).__name__
    if tuple(network.image_shape) != tuple(generator.image_shape):
        raise UserError(
            f"the generator makes images of {tuple(generator.image_shape)}, the encoder takes "
            f"{tuple(network.image_shape)}: give both the same image_shape"
        )
    if not network.features_dim:
        raise UserError(f"{name} has no features, which an encoder needs: choose another for model.encoder")
    if any(isinstance(layer, MinibatchStddev) for layer in network.modules()):
        raise UserError(
            "model.encoder.minibatch_stddev is set, but an encoder's output for an image must not depend on other "
            "images: leave it out"
        )
    if network.packing > 1:
        raise UserError(f"model.encoder.packing is {network.packing}, but an encoder takes single images: leave it out")
