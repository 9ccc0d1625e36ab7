"""Scores of a translator during training, and the guard."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import Blobs, fit, same, weights
from helpers.variants import small
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn

from gan_lightning import Translator
from gan_lightning.callbacks import KeepCheckpoints, TranslationGuard, TranslationJudgement
from gan_lightning.callbacks.translation_guard import dependence
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.degradations import Holes, Noise
from gan_lightning.networks import UNetGenerator
from gan_lightning.terms import Perceptual
from gan_lightning.training.optimization import Optimization

STILL = Optimization(lambda weights: torch.optim.SGD(weights, lr=0.0))  # type: ignore[arg-type]


def translator(degradation: Any = None, **options: Any) -> Translator:
    torch.manual_seed(0)
    degradation = degradation or Noise()
    generator = small(UNetGenerator, input_channels=degradation.channels(1))
    return Translator(generator, degradation, **options)


class Makes(nn.Module):
    """Stands in for the averaged generator."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.make = make

    def forward(self, inputs: Tensor) -> Tensor:
        return self.make(inputs)


def that_makes(make: Any, degradation: Any = None) -> Translator:
    model = translator(degradation)
    model.average_generator = Makes(make)  # type: ignore[assignment]
    return model


# ---- scores -------------------------------------------------------------------------------------------------------


def test_scores_stand_in_the_log_and_change_neither_weights_nor_the_global_stream(tmp_path):
    alone, watched = translator(), translator()
    fit(alone)
    stream = torch.get_rng_state()
    fit(watched, callbacks=[TranslationJudgement(2), TranslationGuard(1, warm_up=0)], logger=CSVLogger(tmp_path))
    assert same(weights(alone), weights(watched))
    assert torch.equal(torch.get_rng_state(), stream)
    (table,) = Path(tmp_path).rglob("metrics.csv")
    rows = [row for row in csv.DictReader(table.read_text().splitlines()) if row.get("val/PSNR")]
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert all(row["val/features"] for row in rows)


def test_the_score_is_that_of_the_images_for_validation():
    judge = TranslationJudgement(1, samples=20)
    model = translator()
    trainer = fit(model, Blobs(), callbacks=[judge], max_steps=1)
    assert judge.evaluator is not None
    found = judge.evaluator.evaluate({"again": model})["again"].estimates()
    assert trainer.callback_metrics["val/PSNR"].item() == pytest.approx(found["PSNR"].value)
    assert "training images of Blobs" in judge.evaluator.real.words


def test_the_best_checkpoint_has_the_best_score(tmp_path):
    keep, judge = KeepCheckpoints(monitor="val/PSNR"), TranslationJudgement(1, samples=20)
    assert keep.sign == -1, "the largest is best"
    found = iter([3.0, 9.0, 5.0])
    judge.scores_of = lambda model: {"PSNR": next(found)}  # type: ignore[method-assign]
    options = {"default_root_dir": tmp_path, "enable_checkpointing": True, "max_steps": 3}
    fit(translator(), callbacks=[judge, keep], **options)
    assert torch.load(keep.best, weights_only=True)["global_step"] == 2


@pytest.mark.parametrize(
    ("monitor", "every", "message"),
    [
        ("val/PSNR", 0, r"training does not evaluate samples: set judge\.every_n_steps"),
        ("val/sharpness", 1, r"it must be one of val/PSNR, val/SSIM, val/features"),
        ("judge/frechet", 1, r"it must be one of val/PSNR, "),
    ],
)
def test_a_score_that_never_comes_is_refused(monitor, every, message, tmp_path):
    keep = KeepCheckpoints(monitor=monitor)
    with pytest.raises(UserError, match=message):
        fit(translator(), callbacks=[TranslationJudgement(every), keep], default_root_dir=tmp_path, max_steps=2,
            enable_checkpointing=True)  # fmt: skip


def test_a_judge_that_stands_in_the_loss_is_called_by_name_before_training(capsys):
    model = translator(terms=[Perceptual()])
    TranslationJudgement(1).created(ready(Blobs()), model, speaks=True)
    assert "will say little: the model was trained with the weights of Colour" in capsys.readouterr().err
    TranslationJudgement(1).created(ready(Blobs()), translator(), speaks=True)
    assert not capsys.readouterr().err


def ready(data: Blobs) -> Blobs:
    data.setup("fit")
    return data


# ---- the guard ----------------------------------------------------------------------------------------------------

X = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_differences_are_those_of_pixels_in_grey_levels():
    x = torch.tensor([0.0, 0.5]).view(2, 1, 1, 1).expand(2, 1, 4, 4)
    found = dependence(that_makes(lambda inputs: inputs * 0.5, Noise(0.0)), x)
    assert found == pytest.approx((0.125 * 127.5, 0, 0.25 * 127.5, 0.5 * 127.5))


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda inputs: inputs, "copies its input"),
        (lambda inputs: torch.zeros_like(inputs), "ignores its input"),
        (lambda inputs: inputs.roll(1, 2), None),
    ],
)
def test_copies_and_one_image_for_all_are_faults(make, fault):
    found = dependence(that_makes(make), X).fault
    assert fault in found if fault else found is None


def test_what_is_around_a_hole_hides_nothing():
    """The same filling in all holes ignores the input, though the images differ around them."""
    found = dependence(that_makes(lambda inputs: torch.ones_like(inputs[:, :1]), Holes()), X)
    assert found.varied == 0
    assert "ignores" in (found.fault or "")
    _, inputs = Holes().pair(X, *numbered_draws(0))
    content = dependence(that_makes(lambda _: X, Holes()), X)
    assert content.varied == pytest.approx(content.varies)
    assert inputs.shape[1] == 2


def test_a_failure_is_told_once_after_patience_and_its_end_too(capsys):
    guard = TranslationGuard(1, patience=2, warm_up=0)
    fit(that_makes(lambda inputs: inputs), callbacks=[guard])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("iteration")]
    assert line.startswith("iteration 2: the generator copies its input")
    assert line.endswith("or set guard.action to stop")
    assert guard.state_dict() == {"faults": 6}
    fit(that_makes(lambda inputs: inputs), callbacks=[TranslationGuard(1, patience=2, warm_up=5)])
    assert "iteration" not in capsys.readouterr().err, "in the warm-up"


def test_a_failure_stops_training_if_that_is_asked_for():
    guard = TranslationGuard(1, "stop", patience=2, warm_up=0)
    with pytest.raises(TrainingError, match=r"stopped in iteration 2: .* To fix it: raise model\.generator_optim"):
        fit(that_makes(lambda inputs: inputs), callbacks=[guard])
    with pytest.raises(UserError, match=r"guard\.patience is 0; it must be at least 1"):
        TranslationGuard(patience=0)
