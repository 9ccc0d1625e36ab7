"""The choice of the judge: not one that the model was trained with."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gan_lightning.commands import judge
from gan_lightning.commands.judge import independent_judge
from gan_lightning.core.configurable import describe
from gan_lightning.core.errors import UserError
from gan_lightning.data import CIFAR10, MNIST, ImageData
from gan_lightning.evaluation.features import Extractor, extractor_for
from gan_lightning.terms import Perceptual


def trained_with(backbone: str) -> list[Any]:
    return [SimpleNamespace(arguments={"discriminator": {"init_args": {"backbone": backbone}}})]


def test_a_model_is_judged_as_usual_by_weights_that_it_was_not_trained_with():
    extractor, said = independent_judge(CIFAR10(), None, trained_with("EfficientNetLite0"))
    assert (extractor.stands_on, said) == ("Colour", [])


def test_a_model_that_was_trained_with_the_usual_judge_is_judged_by_another_one_and_that_is_said(monkeypatch):
    class Second(Extractor):
        name, digest, stands_on = "second", "", "EfficientNetLite0"

        def extract(self, x):
            raise NotImplementedError

    def found(data: ImageData, name: str | None = None) -> Extractor:
        return Second() if name == "EfficientNetLite0" else extractor_for(data, name)

    monkeypatch.setattr(judge, "extractor_for", found)
    extractor, said = independent_judge(CIFAR10(), None, trained_with("gan_lightning.some.Colour"))
    assert extractor.name == "second"
    assert said == [f"second judges, as the model was trained with the weights of {extractor_for(CIFAR10()).name}"]


def test_a_network_that_a_loss_takes_by_default_counts():
    words = [SimpleNamespace(arguments={"terms": [describe(Perceptual())]})]
    assert "trained with the weights of" in independent_judge(CIFAR10(), "Colour", cast(Any, words))[1][0]


def test_where_there_is_no_other_judge_or_the_user_asks_for_this_one_it_is_called_doubtful(monkeypatch):
    asked, said = independent_judge(CIFAR10(), "Colour", trained_with("Colour"))
    assert asked.stands_on == "Colour"
    assert said[0].startswith("doubtful: the model was trained with the weights of ")
    assert independent_judge(MNIST(), None, trained_with("MNIST"))[1][0].startswith("doubtful: ")

    def missing(data: ImageData, name: str | None) -> Extractor:
        if name in ("EfficientNetLite0", "HED"):
            raise UserError("not installed")
        return extractor_for(data, name)

    monkeypatch.setattr(judge, "extractor_for", missing)
    assert independent_judge(CIFAR10(), None, trained_with("Colour"))[1][0].startswith("doubtful: ")


@pytest.mark.parametrize("checkpoints", [[], trained_with("nothing")])
def test_nothing_is_said_where_nothing_is_known(checkpoints):
    assert independent_judge(MNIST(), None, cast(Any, checkpoints))[1] == []
