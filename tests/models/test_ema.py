"""The averaged generator."""

import pytest
import torch
from helpers.tiny import SHAPE

from gan_lightning.models.ema import MovingAverage, decay_of, warmed_up
from gan_lightning.networks import MLPGenerator


def network(value: float) -> MLPGenerator:
    net = MLPGenerator(SHAPE, latent_dim=2, hidden=[4]).double()
    for tensor in (*net.parameters(), *net.buffers()):
        tensor.data.fill_(value)
    return net


def test_the_average_after_k_updates_equals_its_closed_form_buffers_included():
    decay, start, values = 0.5, 1.0, [3.0, -2.0, 5.0, 0.25]
    average = MovingAverage(network(start))
    expected = start
    for value in values:
        average.update(network(value), decay)
        expected = decay * expected + (1 - decay) * value
    for tensor in (*average.parameters(), *(b for b in average.buffers() if b.is_floating_point())):
        assert torch.allclose(tensor, torch.full_like(tensor, expected), rtol=1e-12)


def test_counters_are_copied_not_averaged():
    average = MovingAverage(network(0))
    average.update(network(7), 0.9)
    assert average.network.state_dict()["layers.0.2.num_batches_tracked"] == 7


def test_a_decay_of_zero_is_the_generator_itself():
    average, latest = MovingAverage(network(1)), network(4)
    average.update(latest, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(average.parameters(), latest.parameters(), strict=True))


def test_the_average_samples_in_evaluation_mode_and_leaves_the_mode_as_it_was():
    average = MovingAverage(MLPGenerator(SHAPE, latent_dim=2, hidden=[4])).train()
    before = {k: v.clone() for k, v in average.state_dict().items()}
    average(torch.randn(5, 2))
    assert average.network.training
    assert all(torch.equal(before[k], v) for k, v in average.state_dict().items())


def test_the_average_has_no_gradients():
    assert not any(p.requires_grad for p in MovingAverage(network(0)).parameters())


def test_the_warm_up_forgets_the_start_quickly():
    assert [warmed_up(0.9, t) for t in (0, 5, 80, 81)] == [0.1, 0.4, 0.9, 0.9]
    assert warmed_up(0.0, 50) == 0


def test_after_a_half_life_of_images_half_of_the_past_is_left():
    assert [decay_of(1000.0, 1000), decay_of(2000.0, 1000), decay_of(500.0, 1000)] == [0.5, 0.5**0.5, 0.25]
    assert decay_of(1000.0, 10) ** 100 == pytest.approx(0.5, rel=1e-12)
    assert decay_of(0.0, 64) == 0
