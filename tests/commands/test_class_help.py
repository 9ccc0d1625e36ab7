"""`--KEY.help CLASS` prints all that a class says of itself."""

import inspect

import pytest
from helpers.commands import gan

from gan_lightning.augmentation import Augmentation
from gan_lightning.core.discovery import subclasses
from gan_lightning.networks import Discriminator, Generator
from gan_lightning.objectives import Objective
from gan_lightning.penalties import Penalty

KEYS = {
    "model.objective": Objective,
    "model.penalties": Penalty,
    "model.generator": Generator,
    "model.discriminator": Discriminator,
    "model.augmentation": Augmentation,
}
CLASSES = [
    (key, cls)
    for key, base in KEYS.items()
    for cls in subclasses(base)
    if cls.__module__.startswith("gan_lightning") and not inspect.isabstract(cls)
]
"""Every class of the package that a user can name."""


def printed(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        gan("fit", *arguments)
    assert caught.value.code == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


@pytest.mark.parametrize(("key", "cls"), CLASSES, ids=lambda value: getattr(value, "__name__", value))
def test_the_help_of_every_class_is_its_whole_docstring(key, cls, capsys):
    assert (inspect.getdoc(cls) or "?") in printed(capsys, f"--{key}.help", cls.__name__)


def test_every_objective_and_penalty_names_its_source():
    for cls in (*subclasses(Objective), *subclasses(Penalty)):
        if cls.__module__.startswith("gan_lightning"):
            assert "https://" in (inspect.getdoc(cls) or ""), cls


def test_a_class_without_options_says_so(capsys):
    text = printed(capsys, "--model.objective.help", "Hinge")
    assert "E[relu(1 - D(x))]" in text
    assert "Hinge has no options: --model.objective Hinge" in text


def test_options_are_listed_with_their_keys_and_defaults(capsys):
    assert "--model.objective.a  default -1.0" in printed(capsys, "--model.objective.help", "LeastSquares")


def test_without_a_name_the_classes_are_listed(capsys):
    text = printed(capsys, "--model.objective.help")
    assert "  LeastSquares " in text
    assert "--model.objective.help NAME explains one of them" in text
