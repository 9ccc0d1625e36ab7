"""Scores of a translator without pairs during training, and its guard."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import Blobs, fit, same, weights
from helpers.variants import small
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning import CycleTranslator
from gan_lightning.callbacks import CycleGuard, CycleJudgement, KeepCheckpoints
from gan_lightning.callbacks.cycle_guard import traces_of
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.networks import PatchDiscriminator, UNetGenerator
from gan_lightning.terms import Cycle, PatchNCE

DIRECTIONS = ("a_to_b", "b_to_a")


class TwoKinds(Blobs):
    """Twenty-four images on either side."""

    def groups(self, images: Dataset) -> Sequence[Tensor]:
        labels = images[torch.arange(len(images))][1]  # type: ignore[arg-type]
        return [(labels % 2 == side).nonzero().flatten() for side in (0, 1)]


def translator(back: bool = True) -> CycleTranslator:
    torch.manual_seed(0)
    sides = ("", "backward_") if back else ("",)
    parts: dict[str, Any] = {f"{side}generator": small(UNetGenerator) for side in sides}
    parts |= {f"{side}discriminator": small(PatchDiscriminator, halvings=1) for side in sides}
    return CycleTranslator(**parts, terms=[Cycle()] if back else [PatchNCE(width=8)], average_decay=0.0)


def that_makes(make: Any, back: Any = None) -> CycleTranslator:
    """A translator of which A to B makes this, and B to A that, or the same."""
    model = translator()
    ways = {"a_to_b": make, "b_to_a": back or make}
    model.forward = lambda x, direction="a_to_b": ways[direction](x)  # type: ignore[method-assign]
    return model


# ---- scores -------------------------------------------------------------------------------------------------------


def test_scores_of_both_directions_and_their_mean_stand_in_the_log_and_change_no_weight(tmp_path):
    alone, watched = translator(), translator()
    fit(alone, TwoKinds(), max_steps=4)
    stream = torch.get_rng_state()
    watchers = [CycleJudgement(2), CycleGuard(1, warm_up=0)]
    fit(watched, TwoKinds(), callbacks=watchers, logger=CSVLogger(tmp_path), max_steps=4)
    assert same(weights(alone), weights(watched))
    assert torch.equal(torch.get_rng_state(), stream)
    (table,) = Path(tmp_path).rglob("metrics.csv")
    rows = [row for row in csv.DictReader(table.read_text().splitlines()) if row.get("val/back")]
    assert [row["step"] for row in rows] == ["2", "4"]
    for key in ("back", "kernel"):
        both = [float(rows[0][f"val/{key}_{way}"]) for way in DIRECTIONS]
        assert float(rows[0][f"val/{key}"]) == pytest.approx(sum(both) / 2)


def test_what_comes_back_is_scored_in_decibels_and_copies_are_as_far_as_the_images_themselves():
    judge, data = CycleJudgement(1, samples=20), TwoKinds()
    data.setup("fit")
    model = that_makes(lambda x: x, lambda x: x + 2 / 255)
    judge.evaluator = judge.created(data, model, speaks=False)
    found = judge.scores_of(model)
    assert found["back_a_to_b"] == pytest.approx(found["back_b_to_a"]) == pytest.approx(48.13, abs=0.01)
    turned = judge.evaluator.evaluate(0, *model.ways(0))
    assert found["kernel_a_to_b"] == pytest.approx(turned.unchanged["kernel distance"].value, rel=1e-4)
    assert turned.traces.varied == pytest.approx(judge.evaluator.variety(0), rel=1e-4)


def test_a_score_of_one_direction_can_decide_which_checkpoint_is_best(tmp_path):
    keep, judge = KeepCheckpoints(monitor="val/back_b_to_a"), CycleJudgement(1, samples=20)
    assert keep.sign == -1, "the largest is best"
    assert KeepCheckpoints(monitor="val/kernel").sign == 1
    found = iter([3.0, 9.0, 5.0])
    judge.scores_of = lambda model: {"back_b_to_a": next(found)}  # type: ignore[method-assign]
    options = {"default_root_dir": tmp_path, "enable_checkpointing": True, "max_steps": 3}
    fit(translator(), TwoKinds(), callbacks=[judge, keep], **options)
    assert torch.load(keep.best, weights_only=True)["global_step"] == 2


def test_one_direction_has_no_way_back_and_one_side_is_refused():
    judge, data = CycleJudgement(1, samples=20), TwoKinds()
    data.setup("fit")
    judge.evaluator = judge.created(data, translator(back=False), speaks=False)
    assert {*judge.scores_of(translator(back=False))} == {"kernel", "kernel_a_to_b"}
    with pytest.raises(UserError, match="Blobs does not have two sides: set data to Unpaired"):
        fit(translator(), callbacks=[CycleJudgement(1)])
    with pytest.raises(UserError, match="and Blobs has one: set data to Unpaired"):
        fit(translator(), callbacks=[CycleGuard(1, warm_up=0)])


# ---- the guard ----------------------------------------------------------------------------------------------------

X = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_traces_are_mean_differences_in_grey_levels():
    x = torch.tensor([0.0, 0.5]).view(2, 1, 1, 1).expand(2, 1, 4, 4)
    found = traces_of(lambda x: x * 0.5, lambda x: x * 2, x, x)
    assert found[:3] == pytest.approx((0.125 * 127.5, 0.25 * 127.5, 0.5 * 127.5))
    assert found.errors["there and back"].tolist() == [0, 0]
    assert found.errors["back from noise 1"].mean().item() == pytest.approx(4.3, abs=2), "noise of one, doubled"


@pytest.mark.parametrize(
    ("there", "back", "faults"),
    [
        (lambda x: x, lambda x: x, ["copies"]),
        (lambda x: x * 0, lambda x: x * 0, ["ignores"]),
        (lambda x: x / 1275, lambda x: x * 1275, ["ignores", "hides"]),
        (lambda x: -x, lambda x: -x, []),
        (lambda x: -x, None, []),
    ],
    ids=["copies", "ignores", "hides", "a negative", "one way"],
)
def test_copies_one_image_for_all_and_what_no_eye_sees_are_faults(there, back, faults):
    assert [*traces_of(there, back, X, -X).faults] == faults


def test_real_images_that_are_all_alike_may_be_made_of_any_input():
    assert not traces_of(lambda x: x * 0, None, X, X * 0).faults


def test_a_failure_of_one_direction_is_told_once_after_patience(capsys):
    guard = CycleGuard(1, patience=2, warm_up=0)
    fit(that_makes(lambda x: -x, lambda x: x), TwoKinds(), callbacks=[guard], max_steps=3)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("iteration")]
    assert line.startswith("iteration 2: B to A gives back its input: it changes pixels by 0 grey levels. To fix it")
    assert line.endswith("or set guard.action to stop")
    assert guard.state_dict() == {"faults": 3}
    with pytest.raises(TrainingError, match=r"iteration 1: A to B ignores its input: .* To fix it: raise the weights"):
        fit(that_makes(torch.zeros_like), TwoKinds(), callbacks=[CycleGuard(1, "stop", 1, 0)], max_steps=3)
