"""Players that look at labels."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny import SHAPE, Blobs, fit, tiny_gan
from lightning.pytorch import Callback
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from gan_lightning import FeatureLearner, cli
from gan_lightning.callbacks import KeepCheckpoints, SampleGrid
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.core.images import tile, to_uint8
from gan_lightning.data import ImageFolder
from gan_lightning.networks import FeatureNetwork, MLPDiscriminator, MLPGenerator
from gan_lightning.networks.contract import DiscriminatorOutput, class_loss, packed
from gan_lightning.training.optimization import Optimization


def conditional(classes: int = 48, **options):
    return tiny_gan(
        generator=MLPGenerator(SHAPE, latent_dim=3, hidden=[8], classes=classes),
        discriminator=MLPDiscriminator(SHAPE, hidden=[8], classes=classes),
        **options,
    )


class Labels(Callback):
    """The labels that each player is given."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, list[int]]] = []

    def on_train_start(self, trainer, pl_module) -> None:
        for name in ("generator", "discriminator"):
            hook = lambda _, inputs, name=name: self.seen.append((name, inputs[1].tolist()))  # noqa: E731
            getattr(pl_module, name).register_forward_pre_hook(hook)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.batch = batch[1].tolist()


def test_real_and_generated_images_are_judged_with_the_labels_of_the_batch():
    labels = Labels()
    fit(conditional(), callbacks=[labels], max_steps=1)
    assert [name for name, _ in labels.seen] == ["generator"] + ["discriminator"] * 2 + ["generator", "discriminator"]
    assert all(seen == labels.batch for _, seen in labels.seen)
    assert len({*labels.batch}) > 1


def test_the_same_latent_of_another_class_is_another_image():
    gan = conditional(classes=4)
    images = gan.sample([7, 7, 7], labels=[0, 1, 1])
    assert not torch.allclose(images[0], images[1])
    assert torch.allclose(images[1], images[2], atol=1e-6)


def test_without_labels_classes_take_turns_seed_by_seed():
    gan = conditional(classes=4)
    assert torch.equal(gan.sample(range(6)), gan.sample(range(6), labels=[0, 1, 2, 3, 0, 1]))


@pytest.mark.parametrize(("classes", "label"), [(4, 4), (4, -1), (0, 0)])
def test_a_label_that_the_model_does_not_know_is_refused(classes, label):
    with pytest.raises(UserError, match=f"{label} is no label of this model|trained without labels"):
        conditional(classes).sample([0], labels=[label])


def test_the_grid_has_one_row_a_class(tmp_path):
    gan = conditional(classes=3)
    options = {"default_root_dir": tmp_path, "max_steps": 1}
    blobs = TensorDataset(torch.rand(16, *SHAPE) * 2 - 1, torch.arange(16) % 3)
    fit(gan, DataLoader(blobs, batch_size=8), callbacks=[SampleGrid(0, rows=4, columns=2)], **options)
    labels = [0, 0, 1, 1, 2, 2, 0, 0]
    expected = tile(to_uint8(gan.sample(range(8), labels)), columns=2)[:, :, 0]
    pixels = np.asarray(Image.open(tmp_path / "grids" / "step-0000001.png"))
    factor = pixels.shape[1] // (2 * 5 - 1)
    assert (pixels[::factor, ::factor] == expected).all()


# ---- the auxiliary classifier -------------------------------------------------------------------------------------


def test_the_loss_of_naming_classes_is_the_cross_entropy_over_both_sides():
    y = torch.tensor([0, 2])
    sure = DiscriminatorOutput(torch.zeros(2), torch.tensor([[50.0, 0.0, 0.0], [0.0, 0.0, 50.0]]))
    assert class_loss(y, sure)["classification"].item() == pytest.approx(0)
    guess = DiscriminatorOutput(torch.zeros(2), torch.zeros(2, 3))
    assert class_loss(y, guess, guess)["classification"].item() == pytest.approx(2 * np.log(3))
    assert class_loss(y, DiscriminatorOutput(torch.zeros(2))) == {}


def test_an_auxiliary_classifier_learns_to_name_classes_and_its_loss_is_logged():
    adam = partial(torch.optim.Adam, lr=0.003, betas=(0.0, 0.9))
    judge = MLPDiscriminator(SHAPE, hidden=[32], classes=2, auxiliary_classifier=True)
    generator = MLPGenerator(SHAPE, latent_dim=3, hidden=[8], classes=2)
    gan = tiny_gan(
        generator=generator,
        discriminator=judge,
        discriminator_optimization=Optimization(adam),
        generator_optimization=Optimization(adam),
    )
    y = torch.arange(64) % 2
    x = (torch.rand(64, *SHAPE) * 0.2 - 0.1 + (y - 0.5).view(-1, 1, 1, 1)).clamp(-1, 1)
    trainer = fit(gan, DataLoader(TensorDataset(x, y), batch_size=16), max_steps=500)
    assert trainer.callback_metrics["loss/classification"].item() < 0.2
    assert (judge(x, y).scores.argmax(1) == y).float().mean() > 0.95
    made = gan.sample(range(40), labels=[i % 2 for i in range(40)]).mean((1, 2, 3))
    assert (made[1::2].mean() - made[::2].mean()) > 0.5, "class 1 is the brighter one"


# ---- packs --------------------------------------------------------------------------------------------------------


def test_a_pack_is_neighbours_as_channels_and_a_penalty_sees_packs():
    x = torch.arange(8.0).view(4, 2, 1, 1)
    assert packed(x, 2).flatten(1).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(UserError, match="4 images do not make packs of 3"):
        packed(x, 3)


# ---- refusals -----------------------------------------------------------------------------------------------------


def test_players_that_know_other_classes_than_each_other_are_refused():
    with pytest.raises(
        UserError, match=r"made for 3 classes, the discriminator for 0: set model.generator.classes and"
    ):
        tiny_gan(generator=MLPGenerator(SHAPE, hidden=[4], classes=3))


def test_data_without_labels_is_refused_by_a_model_with_classes(tmp_path):
    for i in range(8):
        Image.fromarray(np.full((4, 4), i, dtype=np.uint8)).save(tmp_path / f"{i}.png")
    data = ImageFolder(str(tmp_path), image_size=4, channels=1, batch_size=8)
    with pytest.raises(UserError, match=r"set model\.generator\.classes and model\.discriminator\.classes to 0"):
        fit(conditional(), data)
    with pytest.raises(TrainingError, match="but the data has no labels"):
        fit(conditional(), DataLoader(torch.zeros(8, *SHAPE), batch_size=8))  # type: ignore[arg-type]


def test_the_key_to_change_is_that_of_the_kind():
    learner = FeatureLearner(FeatureNetwork(SHAPE, classes=4))
    with pytest.raises(UserError, match=r"the data has 48: set model\.network\.classes to 48"):
        fit(learner, Blobs())


def test_other_labels_than_the_model_knows_are_refused():
    with pytest.raises(UserError, match=r"made for 4 classes, but the data has 48: set .* to 48"):
        fit(conditional(classes=4), Blobs())
    loader = DataLoader(TensorDataset(torch.rand(8, *SHAPE) * 2 - 1, torch.arange(8)), batch_size=8)
    with pytest.raises(
        TrainingError, match=r"labels range from 0 to 7, but the networks know classes 0 to 3: set .* to 8"
    ):
        fit(conditional(classes=4), loader)


# ---- on the command line ------------------------------------------------------------------------------------------


def run(*arguments: str) -> None:
    cli.main(list(arguments))


@pytest.fixture
def a_run(tmp_path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    options = {"default_root_dir": ".", "enable_checkpointing": True, "max_steps": 1}
    fit(conditional(), callbacks=[KeepCheckpoints(0)], **options)
    return "checkpoints/last.ckpt"


def test_a_sweep_over_classes_writes_the_same_latents_for_each_and_one_row_a_class(a_run):
    run("predict", "--ckpt_path", a_run, "--samples.count", "3", "--samples.labels", "[4,1]", "--samples.npz", "true")
    names = sorted(p.name for p in Path("samples").glob("0*.png"))
    assert names == [f"000{seed}-class-{label}.png" for seed in range(3) for label in (1, 4)]
    archive = np.load("samples/samples.npz")
    assert archive["labels"].tolist() == [4, 4, 4, 1, 1, 1]
    assert archive["seeds"].tolist() == [0, 1, 2, 0, 1, 2]
    pixels = np.asarray(Image.open("samples/grid.png"))
    factor = pixels.shape[1] // (3 * 5 - 1)
    assert (pixels[::factor, ::factor] == tile(archive["images"], 3)[:, :, 0]).all()


def test_one_class_and_all_classes_may_be_asked_for(a_run):
    run("predict", "--ckpt_path", a_run, "--samples.count", "2", "--samples.labels", "3", "--samples.folder", "one")
    assert len(list(Path("one").glob("*-class-3.png"))) == 2
    run("predict", "--ckpt_path", a_run, "--samples.count", "1", "--samples.labels", "all", "--samples.folder", "all")
    assert len(list(Path("all").glob("0000-class-*.png"))) == 48


@pytest.mark.parametrize(
    ("labels", "message"),
    [("48", "48 is no label of this model: its classes are 0 to 47"), ("[1,1]", "name each class once")],
)
def test_classes_that_cannot_be_sampled_are_refused_in_one_line(labels, message, a_run, capsys):
    with pytest.raises(SystemExit):
        run("predict", "--ckpt_path", a_run, "--samples.labels", labels)
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1
