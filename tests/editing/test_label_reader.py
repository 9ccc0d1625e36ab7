"""Classes told from the visible part, as samples teach it."""

from typing import Any

import torch
from torch import Tensor

from gan_lightning.editing.completion import complete
from gan_lightning.editing.label_reader import trained_reader
from gan_lightning.editing.posterior import Minima

MASK = torch.zeros(8, 8, dtype=torch.bool)
MASK[4:] = True


def halves(z: Tensor, y: Tensor | None) -> Tensor:
    """Class 1 is bright above, class 0 dark; what is below is the latent alone."""
    assert y is not None
    x = torch.zeros(len(z), 1, 8, 8) + 0.1 * z[:, :1, None, None]
    x[:, :, :4] += torch.where(y > 0, 0.5, -0.5)[:, None, None, None]
    return x


def test_a_reader_tells_the_class_from_what_is_visible_and_draws_nothing_from_the_global_stream():
    state = torch.random.get_rng_state()
    reader = trained_reader(halves, MASK[None, None], (1, 8, 8), 2, 2, 4000, 0)
    assert torch.equal(torch.random.get_rng_state(), state)
    again = trained_reader(halves, MASK[None, None], (1, 8, 8), 2, 2, 4000, 0)
    y = torch.tensor([0, 1] * 8)
    x = halves(torch.randn(16, 2, generator=torch.Generator().manual_seed(1)), y).masked_fill(MASK, 0)
    assert torch.equal(reader(x).argmax(1), y)
    assert torch.equal(reader(x), again(x)), "the seed fixes it"


def test_minima_of_a_class_share_what_a_reader_gives_to_it_as_before_among_themselves():
    y, evidence = torch.tensor([[0, 0, 1]]), torch.tensor([[0.0, 1.0, 5.0]], dtype=torch.float64)
    found = Minima(torch.zeros(1, 3, 2), y, evidence, torch.zeros(1, 3, 2, 2, dtype=torch.float64))
    told = found.with_class_probabilities(torch.tensor([[0.75, 0.2, 0.05]], dtype=torch.float64))
    shares = told.evidence.softmax(1)[0]
    assert torch.allclose(shares[2], torch.tensor(0.2 / 0.95, dtype=torch.float64)), "class 2 has no minimum"
    assert torch.allclose(shares[1] / shares[0], torch.tensor(1.0, dtype=torch.float64).exp())


def test_the_first_completion_has_the_class_that_the_reader_gives():
    x = halves(torch.zeros(2, 2), torch.tensor([0, 1]))
    few: dict[str, Any] = {"count": 3, "candidates": 40, "starts": 2, "steps": 2}
    for label in (0, 1):
        sure = torch.zeros(2, 2).index_fill(1, torch.tensor(label), 20.0)
        made = complete(halves, x, MASK, 2, 2, reader=lambda seen, sure=sure: sure, **few)
        assert made.y is not None
        assert made.probabilities is not None
        assert made.y[:, 0].tolist() == [label] * 2
        assert (made.probabilities[:, label] > 0.99).all()
