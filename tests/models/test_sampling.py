"""One number names one image."""

import pytest
import torch
from helpers.tiny import Blobs, fit, tiny_gan
from lightning.pytorch import Trainer

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import to_uint8
from gan_lightning.models.sampling import latents, seed_loader


def test_a_latent_depends_on_its_seed_alone():
    together = latents(range(10), 6)
    assert torch.equal(together[7:8], latents([7], 6))
    assert torch.equal(together.flip(0), latents(reversed(range(10)), 6))


def test_latents_are_standard_normal():
    z = latents(range(4000), 10)
    assert z.mean().abs() < 5 / 40_000**0.5
    assert (z.var() - 1).abs() < 5 * (2 / 40_000) ** 0.5
    neighbours = torch.stack([z[:-1].flatten(), z[1:].flatten()])
    assert torch.corrcoef(neighbours)[0, 1].abs() < 5 / 40_000**0.5


def test_latents_leave_the_global_stream_alone():
    torch.manual_seed(3)
    expected = torch.randn(2)
    torch.manual_seed(3)
    latents(range(5), 4)
    assert torch.equal(torch.randn(2), expected)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(UserError, match="seeds are whole numbers"):
        latents([seed], 2)


@pytest.mark.parametrize("options", [{"count": 0}, {"batch_size": 0}, {"first_seed": -1}, {"first_seed": 2**32 - 1}])
def test_samples_that_cannot_be_made_are_refused(options):
    with pytest.raises(UserError):
        seed_loader(**options)


def predicted(gan, first_seed, count, batch_size):
    trainer = Trainer(logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu")
    return torch.cat(trainer.predict(gan, seed_loader(first_seed, count, batch_size)))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_an_image_depends_on_its_seed_and_not_on_the_batch():
    gan = tiny_gan()
    fit(gan, Blobs())
    pixels = [to_uint8(predicted(gan, 0, 23, size)) for size in (1, 4, 23)]
    assert (pixels[0] == pixels[1]).all()
    assert (pixels[0] == pixels[2]).all()
    assert (to_uint8(predicted(gan, 5, 3, 2)) == pixels[0][5:8]).all()
    assert next(gan.average_generator.parameters()).dtype == torch.float32, "predicting in float64 leaves no trace"
