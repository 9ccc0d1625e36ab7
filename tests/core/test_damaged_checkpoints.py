"""Whatever a checkpoint file holds, commands succeed or say in one line what is wrong with it."""

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.commands import RUN, TINY, gan
from helpers.tiny import Blobs, fit
from helpers.variants import play
from PIL import Image

from gan_lightning import GAN
from gan_lightning.core.errors import UserError
from gan_lightning.models.generative import GenerativeModel

FIT = ["--data", "Digits", "--trainer.log_every_n_steps", "1", "--grid.every_n_steps", "1", *TINY]
LAST = RUN / "checkpoints/last.ckpt"

STRANGE: list[Any] = [
    None, True, -1, 0, 3, 10**30, 2.5, float("nan"), float("inf"), "", "a\x1b[31m|b", "os.system", "../../x", [], [[]],
    {}, {"class_path": "os.system"}, {"class_path": 7}, (1, 2), torch.zeros(0), torch.ones(2, 3),
    torch.tensor(torch.nan),
]  # fmt: skip
"""Values that nobody expects."""


def places(content: Any, place: tuple = ()) -> Iterator[tuple]:
    """The path of every value in a nested one."""
    if place:
        yield place
    if isinstance(content, (dict, list)):
        keys = content if isinstance(content, dict) else range(len(content))
        for key in keys:
            yield from places(content[key], (*place, key))


def changed(content: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The content with one to three values replaced, removed, or moved."""
    content = deepcopy(content)
    for _ in range(chance.randint(1, 3)):
        everywhere = [*places(content)]
        *path, key = chance.choice(everywhere)
        inside: Any = content
        for step in path:
            inside = inside[step]
        kind = chance.random()
        if kind < 0.7:
            inside[key] = chance.choice(STRANGE)
        elif kind < 0.85:
            del inside[key]
        elif isinstance(inside, dict):
            inside[chance.choice(["x", 3, None])] = inside.pop(key)
    return content


def predict(path: Path) -> None:
    gan("predict", str(path), "--samples.count", "1", "--samples.overwrite", "true")


def resume(path: Path) -> None:
    gan("fit", *FIT, "--ckpt_path", str(path), "--trainer.max_steps", "4")


def rebuild(path: Path) -> None:
    GAN.load_from_checkpoint(path)


def sample(path: Path) -> None:
    GenerativeModel.sampler_from_checkpoint(path).sample([0])


def judge(path: Path) -> None:
    gan("test", str(path), "--judge.samples", "20")


USES: list[Callable] = [predict, resume, rebuild, sample]


@pytest.fixture
def ours(in_tmp_path: Path) -> dict[str, Any]:
    gan("fit", *FIT, "--trainer.max_steps", "3")
    return torch.load(LAST, weights_only=True)


def end_of(use: Callable, content: dict[str, Any]) -> BaseException | None:
    """How a use of a checkpoint with this content ends; None if it succeeds."""
    torch.save(content, "theirs.ckpt")
    try:
        use(Path("theirs.ckpt"))
    except (UserError, SystemExit) as end:
        return end
    return None


def try_out(use: Callable, content: dict[str, Any], capsys: pytest.CaptureFixture) -> None:
    end = end_of(use, content)
    assert "\n" not in str(end)
    assert not isinstance(end, SystemExit) or end.code == 2
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_a_checkpoint_with_strange_values_is_used_or_refused_in_one_line(use, ours, capsys):
    chance = random.Random(0)
    for _ in range(12 if use is resume else 25):
        try_out(use, changed(ours, chance), capsys)


def translate(path: Path) -> None:
    gan("predict", str(path), "--images", "drawing.png", "--folder", "made")
    Path("made/drawing.png").unlink()


def of_translator(name: str) -> dict[str, Any]:
    """The checkpoint of a tiny translator, and something to translate."""
    Image.new("L", (5, 3), 90).save("drawing.png")
    fit(play(name), TwoSides(), max_steps=1).save_checkpoint("ours.ckpt")
    translate(Path("ours.ckpt"))
    return torch.load("ours.ckpt", weights_only=True)


class TwoSides(Blobs):
    def groups(self, images: Any) -> list[torch.Tensor]:
        return [torch.arange(24), torch.arange(24, 48)]


TRANSLATORS = ["Translator of terms alone", "CycleTranslator full pool"]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_translator_with_strange_values_is_used_or_refused_in_one_line(name, in_tmp_path, capsys):
    ours, chance = of_translator(name), random.Random(0)
    for _ in range(8):
        try_out(translate, changed(ours, chance), capsys)
    for place in chance.sample([*places({key: ours[key] for key in PARTS})], 8):
        try_out(translate, with_hole(ours, place), capsys)


PARTS = ("kind", "hyper_parameters", "state_dict")
"""Of a checkpoint: what makes its model."""


def with_hole(content: dict[str, Any], place: tuple) -> dict[str, Any]:
    """The content without one value."""
    content = deepcopy(content)
    *path, key = place
    inside: Any = content
    for step in path:
        inside = inside[step]
    del inside[key]
    return content


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_translator_with_any_strange_values_is_used_or_refused_in_one_line(name, seed, in_tmp_path, capsys):
    ours, chance = of_translator(name), random.Random(f"{name} {seed}")
    for _ in range(200):
        try_out(translate, changed(ours, chance), capsys)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("use", [*USES, judge], ids=lambda use: use.__name__)
def test_a_checkpoint_with_any_strange_values_is_used_or_refused_in_one_line(use, seed, ours, capsys):
    chance = random.Random(f"{use.__name__} {seed}")
    for _ in range(60):
        try_out(use, changed(ours, chance), capsys)
