"""One number names one image."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.tiny import Blobs, fit, tiny_gan
from lightning.pytorch import Trainer

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import to_uint8
from gan_lightning.core.seeding import scramble
from gan_lightning.models.sampling import in_full_precision, labels_of, latents, seed_loader, traversed


def test_a_latent_depends_on_its_seed_alone():
    together = latents(range(10), 6)
    assert torch.equal(together[7:8], latents([7], 6))
    assert torch.equal(together.flip(0), latents(reversed(range(10)), 6))


def test_a_latent_is_what_torch_draws_from_its_scrambled_seed():
    for seed in (0, 5, 2**32 - 1):
        expected = torch.randn(1, 6, generator=torch.Generator().manual_seed(scramble(seed)))
        assert torch.equal(latents([seed], 6), expected)
    assert latents([], 6).shape == (0, 6)
    small: Any = torch.tensor([5, 7], dtype=torch.int32)
    assert torch.equal(latents(small, 6), latents([5, 7], 6)), "whatever kind of whole number"


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
    with pytest.raises(UserError, match=f"^{seed} .*0 to 4294967295$"):
        latents([seed], 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "samples.count is 0"),
        ({"batch_size": 0}, "samples.batch_size is 0"),
        ({"first_seed": -1}, "-1 is not"),
        ({"first_seed": 2**32 - 1}, "4294967358 is not"),
    ],
)
def test_samples_that_cannot_be_made_are_refused(options, message):
    with pytest.raises(UserError, match=rf"^{message}\b"):
        seed_loader(**options)


def test_the_last_seeds_can_be_had():
    (seeds,) = seed_loader(2**32 - 2, 2)
    assert seeds.tolist() == [2**32 - 2, 2**32 - 1]
    (seeds,) = seed_loader(0, 1, batch_size=1)
    assert seeds.tolist() == [0]


def test_seeds_come_in_order_and_with_labels_class_by_class():
    assert [seeds.tolist() for seeds in seed_loader(5, 5, 2)] == [[5, 6], [7, 8], [9]]
    batches = [[part.tolist() for part in batch] for batch in seed_loader(5, 2, 3, labels=[4, 0])]
    assert batches == [[[5, 6, 5], [4, 4, 0]], [[6], [0]]]
    assert [len(seeds) for seeds in seed_loader(count=65)] == [64, 1]
    assert torch.cat([*seed_loader()]).tolist() == [*range(64)]


def test_labels_go_in_turns_unless_they_are_asked_for():
    assert labels_of([3, 4, 5, 6], None, 3).tolist() == [0, 1, 2, 0]
    assert labels_of([3, 4], None, 0).tolist() == [0, 0]
    assert labels_of([3, 4], (label for label in (2, 0)), 3).tolist() == [2, 0]
    assert labels_of([3], [2], 3).dtype == torch.int64
    assert labels_of([], None, 3).dtype == labels_of([], [], 3).dtype == torch.int64


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_is_refused(label):
    with pytest.raises(UserError, match=f"^{label} .* 0 to 2$"):
        labels_of([0, 1], [1, label], 3)
    with pytest.raises(UserError, match=r"leave out samples\.labels$"):
        labels_of([0], [0], 0)


def test_a_traversal_has_a_row_for_each_coordinate_and_a_column_for_each_value():
    z = torch.tensor([1.0, 2.0, 3.0])
    copies = traversed(z, [2, 0], [-5.0, 0.0, 5.0])
    assert copies.tolist() == [[1, 2, -5], [1, 2, 0], [1, 2, 5], [-5, 2, 3], [0, 2, 3], [5, 2, 3]]
    assert z.tolist() == [1, 2, 3]


@pytest.mark.parametrize("coordinate", [-1, 3])
def test_a_coordinate_that_does_not_exist_is_refused(coordinate):
    with pytest.raises(UserError, match=f"{coordinate}.* 3"):
        traversed(torch.zeros(3), [0, coordinate], [1.0])


def test_samples_are_made_in_64_bits_where_the_device_has_them():
    assert in_full_precision(torch.nn.Linear(2, 1)).weight.dtype == torch.float64
    assert isinstance(in_full_precision(torch.nn.ReLU()), torch.nn.ReLU), "without parameters"

    class OnApple(torch.nn.Linear):
        def parameters(self, recurse: bool = True) -> Iterator[Any]:
            yield SimpleNamespace(device=torch.device("mps"))

    assert in_full_precision(OnApple(2, 1)).weight.dtype == torch.float32


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
