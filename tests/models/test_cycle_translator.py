"""Who learns what without pairs. (That it resumes exactly, and on several processes, is tried for every kind.)"""

from functools import partial
from typing import Any, get_args

import pytest
import torch
from helpers.tiny import SHAPE, Blobs, Slopes, fit, weights
from helpers.variants import small
from torch import Tensor
from torch.utils.data import TensorDataset

from gan_lightning import CycleTranslator
from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData
from gan_lightning.models.cycle_translator import DirectionName, sides_of
from gan_lightning.networks import MLPDiscriminator, PatchDiscriminator, ResNetTranslator, SuperResolver, UNetGenerator
from gan_lightning.objectives import LeastSquares
from gan_lightning.penalties import WeightClipping
from gan_lightning.terms import Cycle, Identity, PatchNCE
from gan_lightning.training.optimization import Optimization

ADAM = Optimization(partial(torch.optim.Adam, lr=0.01))
STILL = Optimization(partial(torch.optim.SGD, lr=0.0))
STAY: dict[str, Any] = {"generator_optimization": STILL, "discriminator_optimization": STILL}


def networks(back: bool = True) -> dict[str, Any]:
    torch.manual_seed(0)
    sides = ("", "backward_") if back else ("",)
    return {f"{side}generator": small(UNetGenerator) for side in sides} | {
        f"{side}discriminator": small(PatchDiscriminator, halvings=1) for side in sides
    }


def translator(back: bool = True, **options: Any) -> CycleTranslator:
    return CycleTranslator(**{**networks(back), "terms": [Cycle()] if back else [], **options})


def test_a_batch_holds_images_of_both_sides_in_turn():
    a, b = sides_of(torch.arange(6.0))
    assert (a.tolist(), b.tolist()) == ([0, 2, 4], [1, 3, 5])
    with pytest.raises(UserError, match=r"a batch of 5 images does not hold as many of A as of B, in turn"):
        fit(translator(), Blobs(5))


def test_the_loss_of_the_generators_is_the_sum_over_directions_of_the_objective_and_the_weighted_terms():
    model = translator(terms=[Cycle(3.0), Identity(2.0)], adversarial_weight=0.5, **STAY)
    data = Blobs(8)
    data.setup("fit")
    a, b = sides_of(data.as_floats(next(iter(data.train_dataloader()))[0]))
    logged = fit(model, data, max_steps=1, log_every_n_steps=1).callback_metrics
    there, back = model.generator, model.backward_generator
    assert back is not None
    assert model.backward_discriminator is not None
    wins = [
        LeastSquares(0, 1, 1).generator(judge(x).logits, None)
        for judge, x in ((model.discriminator, there(a)), (model.backward_discriminator, back(b)))
    ]
    expected = {
        "term/objective": 0.5 * torch.stack(wins).sum(),
        "term/Cycle": 3 * ((back(there(a)) - a).abs().mean() + (there(back(b)) - b).abs().mean()),
        "term/Identity": 2 * ((there(b) - b).abs().mean() + (back(a) - a).abs().mean()),
    }
    for name, value in expected.items():
        assert logged[name].item() == pytest.approx(value.item(), rel=1e-5)
    assert logged["loss/generator"].item() == pytest.approx(torch.stack([*expected.values()]).sum().item(), rel=1e-5)


def test_one_direction_alone_knows_nothing_of_the_other():
    logged = fit(translator(back=False), max_steps=1, log_every_n_steps=1).callback_metrics
    assert {*logged} == {"loss/generator", "loss/discriminator", "term/objective", "D/real", "D/fake"}
    with pytest.raises(UserError, match="translates from A to B alone: leave out direction"):
        translator(back=False)(torch.zeros(1, *SHAPE), "b_to_a")


def test_each_direction_has_its_averaged_generator():
    model = translator(average_decay=0.0)
    fit(model, max_steps=2)
    x = torch.rand(2, *SHAPE)
    model.eval()
    assert model.backward_generator is not None
    with torch.no_grad():
        assert torch.equal(model(x), model.generator(x))
        assert torch.equal(model(x, "b_to_a"), model.backward_generator(x))


def test_one_direction_of_a_checkpoint_makes_the_same_images_by_itself(tmp_path):
    model = translator()
    fit(model, max_steps=2).save_checkpoint(tmp_path / "a.ckpt")
    x = torch.rand(2, *SHAPE)
    for direction in get_args(DirectionName):
        alone = CycleTranslator.one_way_from_checkpoint(tmp_path / "a.ckpt", direction)
        assert torch.equal(alone(x), model(x, direction))


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_player_stays_put_while_the_other_learns(player):
    options: dict[str, Any] = {
        f"{name}_optimization": STILL if name == player else ADAM for name in ("generator", "discriminator")
    }
    model = translator(terms=[Cycle(), PatchNCE(width=8)], **options)
    parts = {
        "generator": [model.generator, model.backward_generator, model.terms],
        "discriminator": [model.discriminator, model.backward_discriminator],
    }
    before = {name: [weights(part) for part in found] for name, found in parts.items()}
    fit(model, max_steps=3)
    for name, found in parts.items():
        for part, old in zip(found, before[name], strict=True):
            same = all(torch.equal(old[key], value) for key, value in part.named_parameters())
            assert same == (name == player), name


def test_the_discriminators_learn_from_earlier_images_if_there_is_a_pool_that_is_full():
    def slopes(pool: int) -> list[Tensor]:
        seen = Slopes()
        fit(translator(pool=pool), callbacks=[seen], max_steps=2)
        return seen.seen

    none, small_pool, large = (slopes(pool) for pool in (0, 3, 50))
    assert all(torch.equal(a, b) for a, b in zip(none, large, strict=True)), "not yet full"
    assert not torch.equal(none[3], small_pool[3])


def test_both_discriminators_are_clipped():
    model = translator(penalties=[WeightClipping(0.01)])
    fit(model, max_steps=1)
    assert model.backward_discriminator is not None
    for judge in (model.discriminator, model.backward_discriminator):
        assert max(p.abs().max().item() for p in judge.parameters()) <= 0.01 + 1e-6


class Greys(ImageData):
    """Dark images of A and light images of B, in turn; within each side, one half is darker than the other."""

    def __init__(self) -> None:
        super().__init__((1, 4, 4), 16, 0, classes=2)

    def load(self) -> TensorDataset:
        draws = torch.Generator().manual_seed(0)
        a = torch.randint(0, 90, (32, 1, 1, 1), generator=draws).expand(-1, 1, 4, 4)
        b = torch.randint(165, 255, (32, 1, 1, 1), generator=draws).expand(-1, 1, 4, 4)
        return TensorDataset(torch.cat([a, b]).byte(), torch.arange(64) // 32)

    def groups(self, images: Any) -> list[Tensor]:
        return [torch.arange(32), torch.arange(32, 64)]


def test_dark_images_become_light_and_come_back():
    torch.manual_seed(0)
    judges = (MLPDiscriminator((1, 4, 4), hidden=[16]) for _ in range(2))
    d, backward_d = judges
    g, backward_g = (UNetGenerator((1, 4, 4), width=8, halvings=1) for _ in range(2))
    options = {"generator_optimization": ADAM, "discriminator_optimization": ADAM, "average_decay": 0.9}
    model = CycleTranslator(g, d, backward_g, backward_d, terms=[Cycle()], **options)
    data = Greys()
    fit(model, data, max_steps=120)
    a = data.as_floats(data.load().tensors[0][:32])
    made = model(a)
    assert (a.max() < -0.2, made.mean() > 0.2) == (True, True)
    assert (model(made, "b_to_a") - a).abs().mean() < 0.15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backward_discriminator": None}, r"there is model\.backward_generator, but no model\.backward_discriminator"),
        ({"backward_generator": None}, r"there is model\.backward_discriminator, but no model\.backward_generator"),
        ({"generator": SuperResolver((1, 8, 8), 2, width=4)}, "a SuperResolver, which makes images 2 times larger"),
        ({"generator": UNetGenerator(SHAPE, 3, width=4)}, r"input_channels is 3, but images of both sides have 1 chan"),
        ({"discriminator": MLPDiscriminator((1, 8, 8))}, r"makes images of \(1, 4, 4\), model\.discriminator takes"),
        ({"backward_discriminator": MLPDiscriminator(SHAPE, packing=2)}, r"model\.backward_discriminator\.packing is "),
        ({"discriminator": MLPDiscriminator(SHAPE, classes=2)}, r"model\.discriminator\.classes is not for a CycleTr"),
        ({"discriminator": small(PatchDiscriminator, condition_channels=1)}, r"\.condition_channels is not for a Cyc"),
        ({"pool": -1}, r"model\.pool is -1; it must be at least 0"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_one_line(options, message):
    with pytest.raises(UserError, match=message):
        translator(**options)


def test_terms_that_miss_something_are_refused_in_one_line():
    with pytest.raises(UserError, match=r"Cycle translates back, and there is no model\.backward_generator: give one"):
        translator(back=False, terms=[Cycle()])

    class Plain(ResNetTranslator):
        def __init__(self) -> None:
            super().__init__(SHAPE, width=4, blocks=1)
            self.map_channels = ()

    with pytest.raises(UserError, match="PatchNCE compares features of the generator, and Plain has none: choose"):
        translator(back=False, generator=Plain(), terms=[PatchNCE()])
