"""Pivotal tuning."""

import pytest
import torch
from helpers.tiny import SHAPE, same, tiny_gan, weights

from gan_lightning.core.errors import UserError
from gan_lightning.editing.inversion import psnr
from gan_lightning.editing.tuning import KEPT_AROUND, neighbours, tune
from gan_lightning.editing.tuning_files import apply_tuning, write_tuning

Z = torch.zeros(1, 3)
IMAGE = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0)) - 0.5


def test_tuning_makes_the_image_and_leaves_the_generator_as_it_was():
    generator = tiny_gan().average_generator.network
    before = weights(generator)
    tuned = tune(generator, Z, None, IMAGE)
    assert psnr(tuned(Z), IMAGE) > psnr(generator.eval()(Z), IMAGE) + 3
    assert same(before, weights(generator))
    assert same(weights(tuned), weights(tune(generator, Z, None, IMAGE)))


def test_a_file_of_changes_makes_the_tuned_generator_again_but_for_16_bits(tmp_path):
    generator = tiny_gan().average_generator.network
    tuned = tune(generator, Z, None, IMAGE, steps=20)
    write_tuning(tmp_path / "tuned.safetensors", generator, tuned)
    apply_tuning(generator, tmp_path / "tuned.safetensors")
    assert torch.allclose(generator.eval()(Z), tuned(Z), atol=1e-3)
    with pytest.raises(UserError, match="tuned from another generator"):
        apply_tuning(generator, tmp_path / "tuned.safetensors")


def test_what_is_no_tuning_is_refused_in_one_line(tmp_path):
    (tmp_path / "text").write_text("no tuning")
    for path, words in ((tmp_path / "text", "holds no tuning"), (tmp_path / "nowhere", "there is no file")):
        with pytest.raises(UserError, match=words):
            apply_tuning(tiny_gan().average_generator.network, path)


def test_neighbours_lie_half_the_length_of_a_latent_away():
    near, labels = neighbours(Z, torch.tensor([4]), seed=0)
    assert torch.allclose(near.norm(dim=1), torch.full((KEPT_AROUND,), 0.5 * 3**0.5))
    assert labels is not None
    assert labels.tolist() == [4] * KEPT_AROUND


def test_no_steps_are_refused():
    with pytest.raises(UserError, match="tune is -1"):
        tune(tiny_gan().average_generator.network, Z, None, IMAGE, steps=-1)
