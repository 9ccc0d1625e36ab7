"""Who learns what from pairs. (That it resumes exactly, and on several processes, is tried for every kind.)"""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import SHAPE, Blobs, Slopes, fit, weights
from helpers.variants import small, tiny
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from gan_lightning import Translator
from gan_lightning.augmentation import DiffAugment
from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.data import ImageData
from gan_lightning.degradations import Given, Grey, Holes, Noise, Smaller
from gan_lightning.models.translator import beside
from gan_lightning.networks import MLPDiscriminator, PatchDiscriminator, SuperResolver, UNetGenerator
from gan_lightning.networks.backbones import LearntBackbone
from gan_lightning.networks.feature_files import PINNED
from gan_lightning.objectives import LeastSquares
from gan_lightning.terms import L1, L2, FeatureMatching, Perceptual
from gan_lightning.training.optimization import Optimization

ADAM = Optimization(partial(torch.optim.Adam, lr=0.01))


def translator(**options: Any) -> Translator:
    torch.manual_seed(0)
    return Translator(**{"generator": small(UNetGenerator), "degradation": Noise(), **options})


def judged_by(**options: Any) -> Any:
    torch.manual_seed(1)
    return small(PatchDiscriminator, halvings=1, **options)


def test_without_a_discriminator_the_loss_is_the_sum_of_the_weighted_terms():
    trainer = fit(translator(terms=[L1(2.0), L2(3.0)]), max_steps=1, log_every_n_steps=1)
    logged = trainer.callback_metrics
    assert {*logged} == {"loss/generator", "term/L1", "term/L2"}
    assert logged["loss/generator"].item() == pytest.approx((logged["term/L1"] + logged["term/L2"]).item())


def test_the_weight_of_the_game_scales_the_objective_of_the_generator_alone():
    logged = [
        fit(translator(discriminator=judged_by(), adversarial_weight=weight), max_steps=1, log_every_n_steps=1)
        for weight in (1.0, 0.5)
    ]
    whole, half = (trainer.callback_metrics for trainer in logged)
    assert half["term/objective"].item() == pytest.approx(whole["term/objective"].item() / 2, rel=0.05)
    assert half["loss/discriminator"] == whole["loss/discriminator"]


def test_what_makes_images_is_rebuilt_without_what_it_has_learnt_from(tmp_path):
    network = Path(shutil.copy(PINNED["SecondMNIST"], tmp_path / "mine.safetensors"))
    model = translator(terms=[Perceptual(backbone=LearntBackbone(str(network)))], discriminator=judged_by())
    fit(model, max_steps=2).save_checkpoint(tmp_path / "a.ckpt")
    network.unlink()
    x = torch.rand(2, *SHAPE)
    assert torch.equal(Translator.maker_from_checkpoint(tmp_path / "a.ckpt")(x), model(x))
    with pytest.raises(UserError, match="there is no file"):
        Translator.load_from_checkpoint(tmp_path / "a.ckpt")


def test_a_game_without_terms_is_a_game():
    trainer = fit(translator(terms=[], discriminator=judged_by(), objective=LeastSquares()), log_every_n_steps=1)
    assert {"term/objective", "loss/discriminator", "D/real", "D/fake"} <= {*trainer.callback_metrics}


def test_the_discriminator_sees_the_input_in_front_of_the_image_at_its_size():
    inputs, x = torch.randn(2, 2, 2, 2), torch.randn(4, 1, 4, 4)
    seen = beside(inputs, x, 2)
    assert seen.shape == (4, 3, 4, 4)
    assert torch.equal(seen[:, 2:], x)
    assert torch.equal(seen[2:, :2, ::2, ::2], inputs), "and again for further images of the same inputs"
    assert beside(inputs, x, 0) is x


def test_a_judge_of_pairs_learns_from_the_condition_and_one_of_images_does_not():
    def slopes(**options: Any) -> Tensor:
        seen = Slopes()
        fit(
            translator(discriminator=judged_by(**options), degradation=Noise(), terms=[]), callbacks=[seen], max_steps=1
        )
        return seen.seen[0]

    assert len(slopes(condition_channels=1)) > len(slopes())


def test_what_is_known_around_a_hole_is_in_the_result():
    model = translator(generator=small(UNetGenerator, input_channels=2), degradation=Holes(), terms=[L1()])
    fit(model)
    x = torch.rand(4, *SHAPE)
    inputs = model.degradation(x, *numbered_draws(0))
    known = inputs[:, 1:] == 0
    assert torch.equal(model(inputs)[known], x[known])
    assert not torch.allclose(model(inputs)[~known], x[~known])


class Colours(ImageData):
    """Images of one colour each, whose grey tells which: red is dark, green is light."""

    def __init__(self) -> None:
        super().__init__((3, 8, 8), 8, 0, classes=0)

    def load(self) -> TensorDataset:
        pixels = torch.zeros(32, 3, 8, 8, dtype=torch.uint8)
        pixels[:16, 0] = pixels[16:, 1] = 255
        return TensorDataset(pixels, torch.zeros(32, dtype=torch.int64))


def test_colour_is_learnt_from_grey():
    torch.manual_seed(0)
    generator = UNetGenerator((3, 8, 8), input_channels=1, width=8)
    model = Translator(generator, Grey(), [L1()], generator_optimization=ADAM, average_decay=0.0)
    fit(model, Colours(), max_steps=60)
    x = torch.full((2, 3, 8, 8), -1.0)
    x[0, 0] = x[1, 1] = 1
    assert (model(model.degradation(x, *numbered_draws(0))) - x).abs().mean() < 0.1


def test_the_input_is_drawn_anew_in_every_iteration_and_the_same_again_at_the_same():
    class Watched(Noise):
        def __init__(self) -> None:
            super().__init__()
            self.made: list[Tensor] = []

        def forward(self, x, normal, uniform):
            self.made.append(super().forward(x, normal, uniform) - x)
            return x + self.made[-1]

    made: list[list[Tensor]] = []
    for model in (translator(degradation=Watched()), translator(degradation=Watched())):
        fit(model, max_steps=3)
        assert isinstance(model.degradation, Watched)
        made.append(model.degradation.made)
    assert all(torch.equal(a, b) for a, b in zip(*made, strict=True))
    assert not torch.allclose(made[0][0], made[0][1])


def test_a_discriminator_stays_put_while_the_generator_learns():
    judge = judged_by()
    frozen = Optimization(partial(torch.optim.SGD, lr=0.0))
    model = translator(discriminator=judge, discriminator_optimization=frozen, generator_optimization=ADAM)
    before = weights(judge), weights(model.generator)
    fit(model)
    assert all(torch.equal(before[0][name], p) for name, p in judge.named_parameters())
    assert not all(torch.equal(before[1][name], p) for name, p in model.generator.named_parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degradation": Holes()}, r"Holes makes inputs of 2 channels, but UNetGenerator takes 1: set .*channels to 2"),
        (
            {"degradation": Smaller(2)},
            r"Smaller makes images 2 times smaller, but UNetGenerator does not enlarge them: set model\.generator to "
            "SuperResolver, with factor 2",
        ),
        (
            {"generator": small(SuperResolver, factor=2)},
            r"Noise keeps the size of images, but SuperResolver makes them 2 times larger: set model\.generator to one "
            "that does not",
        ),
        (
            {"generator": small(SuperResolver, factor=2), "degradation": Smaller(4)},
            r"4 times smaller, but .* 2 times larger: set model\.generator\.factor and model\.degradation\.factor to",
        ),
        (
            {"terms": [L1(region="missing")]},
            r"L1 of model\.terms has region missing, but Noise leaves nothing out: leave out region, or set .* Holes",
        ),
        ({"degradation": Grey()}, "these have 1 channel:"),
        ({"terms": []}, r"nothing to learn from: give model\.terms, or model\.discriminator, or both"),
        ({"terms": [FeatureMatching()]}, "FeatureMatching compares the features of a discriminator, and there is none"),
        ({"discriminator": judged_by(condition_channels=3)}, "condition_channels is 3, but inputs have 1 channel:"),
        ({"discriminator": MLPDiscriminator((1, 8, 8))}, r"makes images of \(1, 4, 4\), the discriminator takes"),
        ({"discriminator": MLPDiscriminator(SHAPE, packing=2)}, r"model\.discriminator\.packing is not for a Trans"),
        ({"discriminator": MLPDiscriminator(SHAPE, classes=2)}, r"model\.discriminator\.classes is not for a Trans"),
        (
            {"discriminator": judged_by(condition_channels=1), "augmentation": DiffAugment()},
            "DiffAugment would change the image and not its input beside it",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_one_line(options, message):
    with pytest.raises(UserError, match=message):
        translator(**options)


def test_images_that_do_not_divide_by_the_factor_are_refused():
    with pytest.raises(UserError, match=r"images of 4x4 cannot be made 3 times smaller.*such as \[3, 3\]"):
        Translator(SuperResolver(SHAPE, 3, width=4, blocks=1), Smaller(3))


class Negatives(ImageData):
    """Blobs, each with two inputs behind it: a black image, and its negative."""

    input_channels = 2

    def __init__(self) -> None:
        super().__init__(SHAPE, 8)

    def load(self) -> TensorDataset:
        pixels, labels = Blobs().load().tensors
        return TensorDataset(torch.cat([pixels, torch.zeros_like(pixels), 255 - pixels], 1), labels)


def given(channels: int = 2) -> Translator:
    return translator(generator=small(UNetGenerator, input_channels=channels), degradation=Given(channels))


def test_pairs_that_the_data_holds_are_learnt_from_as_they_are():
    model, data = given(), Negatives()
    fit(model, data, max_steps=2)
    x, inputs = model.degradation.pair(data.load().tensors[0] / 127.5 - 1, *numbered_draws(0))
    assert torch.equal(x, Blobs().load().tensors[0] / 127.5 - 1)
    assert torch.allclose(inputs[:, 1:], -x, atol=1e-6)
    assert (inputs[:, 0] == -1).all()


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (given, Blobs, "Given takes the inputs that the data holds, and Blobs holds images alone: set data to Pairs"),
        (translator, Negatives, "Negatives holds an input for each image, and Noise would make others: set model.degr"),
        (partial(given, 1), Negatives, "holds inputs of 2 channels, and Given takes 1: set .*input_channels to 2"),
    ],
)
def test_data_that_does_not_hold_what_the_degradation_takes_is_refused_in_one_line(model, data, message):
    with pytest.raises(UserError, match=message):
        fit(model(), data(), max_steps=1)


def test_it_learns_to_enlarge_better_than_bicubic_interpolation():
    model = translator(generator=small(SuperResolver, factor=2), degradation=Smaller(2), generator_optimization=ADAM)
    data = Blobs(16, images=16)
    fit(model, data, max_steps=200)
    x = data.load().tensors[0] / 127.5 - 1
    inputs = model.degradation(x, *numbered_draws(0))
    made, bicubic = ((images - x).abs().mean() for images in (model(inputs), model.degradation.shown(inputs, 1)))
    assert made < 0.9 * bicubic
    assert isinstance(model.average_generator, nn.Module)


def test_models_with_parts_by_default_share_none_of_them():
    one, other = tiny(Translator), tiny(Translator)
    one.eval()
    assert other.degradation.training
    assert other.terms[0].training
