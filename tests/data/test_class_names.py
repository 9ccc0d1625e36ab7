"""Classes are asked for by the names of their folders, from a checkpoint alone."""

from pathlib import Path

import pytest
from helpers.tiny import fit
from PIL import Image

from gan_lightning import GAN, cli
from gan_lightning.callbacks import KeepCheckpoints
from gan_lightning.commands.predict import asked_labels
from gan_lightning.core.errors import UserError
from gan_lightning.data import CIFAR10, MNIST, Digits, FashionMNIST, ImageFolder
from gan_lightning.data.class_names import class_names_in, class_number
from gan_lightning.evaluation.report import Report
from gan_lightning.networks import MLPDiscriminator, MLPGenerator

FLOWERS = ("daisy", "rose", "tulip")


@pytest.fixture
def flowers(in_tmp_path: Path) -> str:
    """The checkpoint of a GAN of three classes of flowers, which have been deleted since."""
    for i in range(12):
        path = Path("images") / FLOWERS[i % 3] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((4, 4), 90).save(path)
    data = ImageFolder("images", image_size=4, batch_size=4)
    shape = data.image_shape
    gan = GAN(MLPGenerator(shape, hidden=[8], classes=3), MLPDiscriminator(shape, hidden=[8], classes=3))
    options = {"default_root_dir": ".", "enable_checkpointing": True, "max_steps": 1}
    fit(gan, data, callbacks=[KeepCheckpoints(0)], **options)
    assert data.class_names == FLOWERS
    for path in Path("images").rglob("*.png"):
        path.unlink()
    return "checkpoints/last.ckpt"


def predict(checkpoint: str, labels: str) -> list[str]:
    cli.main(["predict", checkpoint, "--samples.count", "1", "--samples.labels", labels])
    return sorted(path.name for path in Path("samples").glob("0*.png"))


def test_samples_of_a_class_are_asked_for_by_its_name(flowers):
    assert [name.partition("-")[2] for name in predict(flowers, "rose")] == ["class-1.png"]


def test_samples_of_several_classes_are_asked_for_by_their_names_which_name_the_rows(flowers, capsys):
    assert len(predict(flowers, "[tulip, daisy]")) == 2
    assert "rows of grid.png: tulip, daisy" in capsys.readouterr().out


@pytest.mark.parametrize("labels", ["roses", "[rose, roses]"])
def test_a_class_that_there_is_not_is_answered_by_those_that_there_are(labels, flowers, capsys):
    with pytest.raises(SystemExit) as caught:
        predict(flowers, labels)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "there is no class roses; the classes are daisy, rose, tulip" in line


def test_a_name_comes_before_a_number():
    assert class_number(10, ["1", "10", "2"]) == 1
    assert class_number(0, ["1", "10", "2"]) == 0
    assert class_number(7, []) == 7


def test_of_many_classes_the_nearest_are_named():
    names = [f"kind {i:03}" for i in range(200)]
    with pytest.raises(UserError, match="of 200 classes, the nearest are kind 123, ") as caught:
        class_number("kind123", names)
    assert len(str(caught.value)) < 200


def test_a_model_without_classes_says_so():
    with pytest.raises(UserError, match=r"this model was trained without labels: leave out samples\.labels"):
        asked_labels("rose", 0)


def test_a_model_without_names_asks_for_numbers():
    with pytest.raises(UserError, match="there is no class rose; the classes of this model have no names"):
        class_number("rose", [])


@pytest.mark.parametrize("names", [None, "abc", ["a", "b"], ["a", "b", 3], {"a": 1}, [["a"], "b", "c"]])
def test_names_that_do_not_fit_the_classes_are_no_names(names):
    assert class_names_in({"data": {"class_names": names}, "other": 3}, 3) == ()


@pytest.mark.parametrize("data", [MNIST, FashionMNIST, Digits, CIFAR10])
def test_the_data_sets_name_their_classes(data):
    made = data()
    assert len({*made.class_names}) == made.classes == 10
    assert made.state_dict() == {"class_names": [*made.class_names]}


def test_images_without_classes_have_no_names(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    data = ImageFolder(str(tmp_path), 4)
    data.setup("fit")
    assert data.class_names == ()
    assert "class_names" not in data.state_dict()


def test_the_table_of_the_classes_names_them():
    report = Report(1, 0, "", "", "", "", "", [], by_class={1: {"distance": 2.0}}, class_names=("a", "b|c"))
    assert report.class_table()[2] == "| b\\|c | 2.000 |"
    report.class_names = ()
    assert report.class_table()[2] == "| 1 | 2.000 |"
