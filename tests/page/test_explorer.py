"""What the page shows, and that the commands beside it make it again."""

import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.commands import SMALL, gan
from PIL import Image

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import picture
from gan_lightning.editing.direction_files import write_directions
from gan_lightning.editing.directions import SeFa, directions
from gan_lightning.editing.latent_files import read_latents
from gan_lightning.page.again import Again
from gan_lightning.page.explorer import GIVEN, Asked, Explorer
from gan_lightning.page.pieces import png, text
from gan_lightning.page.searches import StoppedError
from gan_lightning.runs.checkpoint import Checkpoint

NETWORKS = ["--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]", "--grid.every_n_steps", "0"]
LABELLED = [
    "--model.generator.latent_dim",
    "4",
    "--model.generator.classes",
    "10",
    "--model.discriminator.classes",
    "10",
]


@pytest.fixture(scope="module")
def explorer(tmp_path_factory) -> Explorer:
    """A tiny model of digits with classes, and a folder of its own."""
    folder, before = tmp_path_factory.mktemp("explored"), Path.cwd()
    os.chdir(folder)
    gan("fit", *SMALL, *NETWORKS, *LABELLED)
    found = Explorer(Checkpoint(folder / "lightning_logs/version_0/checkpoints/last.ckpt"), "cpu")
    os.chdir(before)
    return found


def going_on() -> None:
    """Stops no search."""


def again(command: str) -> Path:
    """Runs a command in the working folder; returns where it has written."""
    program, *arguments = shlex.split(command)
    assert program == "gan"
    gan(*arguments)
    (folder,) = [word for word in arguments if word.startswith("again-")]
    return Path(folder)


def test_the_command_beside_a_sample_makes_it_again(explorer, in_tmp_path):
    sight = explorer.look(Asked(seed=3, other=1, label=4))
    assert " predict " in sight.command
    folder = again(sight.command)
    assert np.array_equal(np.asarray(Image.open(folder / "0003-class-4.png")), sight.pixels[..., 0])


def test_the_command_beside_an_edited_image_makes_it_again_from_its_latent(explorer, in_tmp_path):
    sight = explorer.look(Asked(3, 1, 4, 0.8, 0.3, "SeFa", [1.0], [2], [0.5]))
    Path(sight.file[0]).write_bytes(sight.file[1])
    folder = again(sight.command)
    drawn = np.asarray(Image.open(folder / "strip.png"))
    factor = (drawn.shape[1] - 2) // 28
    assert np.array_equal(drawn[: 28 * factor : factor, : 28 * factor : factor], sight.pixels[..., 0])


@pytest.mark.parametrize(
    "asked", [Asked(3, 1, 4, 0.8), Asked(3, 1, 4, 1.0, 0.5, "SeFa", [2.0])], ids=["seeds", "latents"]
)
def test_the_command_beside_a_way_makes_it_again(asked, explorer, in_tmp_path):
    sight = explorer.look(asked)
    Path(sight.way_file[0]).write_bytes(sight.way_file[1])
    assert (again(sight.way_command) / "strip.png").read_bytes() == png(sight.sheet)


def test_the_commands_beside_a_picture_complete_it_and_find_it_again(explorer, in_tmp_path):
    shown = torch.from_numpy(explorer.look(Asked(7, 1, 2)).pixels.copy())
    missing = torch.zeros(28, 28, dtype=torch.bool)
    missing[:, 14:] = True
    Path("picture.png").write_bytes(png(picture(shown.numpy())))
    Path("mask.png").write_bytes(png(picture(missing.numpy().astype(np.uint8)[..., None] * 255)))
    x = shown.permute(2, 0, 1) / 127.5 - 1
    made = explorer.complete(going_on, x, missing, 2, 3, 1, 5)
    folder = again(explorer.again.complete("picture.png", "mask.png", 2, 3, 1, 5))
    assert torch.equal(read_latents(folder / "latents.npz").z, made.z[0])
    assert len([*folder.glob("picture-*.png")]) == 3
    found = explorer.find(going_on, x, None, 2)
    folder = again(explorer.again.invert("picture.png", None, 2, 0))
    z, y, _ = read_latents(folder / "latents.npz")
    assert torch.equal(z, found.z)
    assert y is not None
    assert found.y is not None
    assert torch.equal(y, found.y)
    begun = Asked(0, 1, int(y), found=read_latents(folder / "latents.npz"))
    assert np.abs(explorer.look(begun).pixels.astype(int) - shown.numpy()).max() < 16


def test_what_one_person_sees_does_not_depend_on_what_others_ask(explorer):
    asked = [Asked(seed, 9, seed % 10, 1.0, 0.5, "SeFa", [seed / 4]) for seed in range(8)]
    alone = [explorer.look(each).pixels for each in asked]
    with ThreadPoolExecutor(4) as people:
        together = [sight.pixels for sight in people.map(explorer.look, asked)]
    assert all(map(np.array_equal, alone, together))


def test_a_search_ends_when_whoever_asked_for_it_stops_it(explorer):
    x, missing = torch.zeros(1, 28, 28), torch.eye(28, dtype=torch.bool)
    searches, made = explorer.searches, []
    with searches.of("one") as go_on, searches.of("other") as others:
        searched = [
            lambda: explorer.find(go_on, x, None, 8),
            lambda: explorer.complete(go_on, x, missing, None, 2, 8, 0),
        ]

        def some() -> None:
            made.append(others())
            if len(made) == 3:
                searches.stop("one")
            go_on()

        with pytest.raises(StoppedError):
            explorer.find(some, x, None, 8)
        assert len(made) == 3
        for search in searched:
            with pytest.raises(StoppedError):
                search()
        others()
        searches.stop()
        with pytest.raises(StoppedError):
            others()
    assert searches.running == []


def test_the_commands_beside_a_tuned_generator_change_it_too(explorer, in_tmp_path):
    gan("predict", explorer.again.path, "--samples.count", "1", "--samples.folder", "plain")
    quick = ["--ckpt_path", explorer.again.path, "--starts", "1", "--candidates", "20", "--folder", "tuning"]
    gan("invert", "plain/0000.png", "--labels", "3", "--tune", "3", *quick)
    tuned = Explorer(Checkpoint(explorer.again.path), "cpu", tuned="tuning/tuned.safetensors")
    sight = tuned.look(Asked(0, 1, 4))
    folder = again(sight.command)
    assert np.array_equal(np.asarray(Image.open(folder / "0000-class-4.png")), sight.pixels[..., 0])
    assert not np.array_equal(sight.pixels, explorer.look(Asked(0, 1, 4)).pixels)
    assert "--tuned tuning/tuned.safetensors" in sight.way_command
    assert tuned.is_tuned


def test_the_command_beside_a_tuned_picture_tunes_the_generator_as_the_page_did(explorer, in_tmp_path):
    shown = torch.from_numpy(explorer.look(Asked(7, 1, 2)).pixels.copy())
    Path("picture.png").write_bytes(png(picture(shown.numpy())))
    before, x = explorer.look(Asked(7, 1, 2)).pixels, shown.permute(2, 0, 1) / 127.5 - 1
    found, told = explorer.find(going_on, x, 3, 1), []
    tuned = explorer.tune(x, found, 4, lambda step, error: told.append(step))
    folder = again(explorer.again.invert("picture.png", 3, 1, 4))
    assert (folder / "tuned.safetensors").read_bytes() == tuned.file
    assert told == [1, 2, 3, 4]
    assert tuned.psnr > found.psnr
    assert np.array_equal(explorer.look(Asked(7, 1, 2)).pixels, before)


def test_what_differs_is_saved_under_names_that_differ(explorer):
    one, other = (explorer.look(Asked(seed, 1, 4, 1.0, 0.5, "SeFa", [2.0])) for seed in (3, 4))
    assert one.file[0] != other.file[0]
    assert one.command != other.command
    assert one.file == explorer.look(Asked(3, 1, 4, 1.0, 0.5, "SeFa", [2.0])).file


def test_a_path_is_shown_as_it_was_given(explorer, monkeypatch):
    folder = Path(explorer.again.path).parents[3]
    monkeypatch.chdir(folder)
    relative = "lightning_logs/version_0/checkpoints/last.ckpt"
    shown = Again(Checkpoint(relative), ()).predict(0, None)
    assert shown.startswith(f"gan predict {relative} ")
    assert str(folder) not in shown


def test_directions_come_from_the_weights_the_activations_or_a_file(explorer, in_tmp_path):
    assert explorer.methods() == ["SeFa", "principal components"]
    assert len(explorer.directions("principal components").names) == 4
    write_directions("directions.safetensors", directions(explorer.source.model, SeFa()).strongest(2))
    path = explorer.again.path
    given = Explorer(Checkpoint(path), "cpu", "directions.safetensors")
    assert given.methods()[0] == GIVEN
    both = [given.look(Asked(1, 2, 3, 1.0, 0.0, name, [2.0])).pixels for name in (GIVEN, "SeFa")]
    assert np.array_equal(both[0], both[1])
    with pytest.raises(UserError, match="there are no directions elsewhere"):
        explorer.look(Asked(1, 2, 3, 1.0, 0.0, "elsewhere", [2.0]))


def test_a_class_is_named_so_that_a_command_reads_it_as_that_class(explorer):
    checkpoint = Checkpoint(explorer.again.path)
    names = ["rose", "1", "007", "all", "[a]", "true"]
    named = Again(checkpoint, names)
    assert [named.class_word(label) for label in range(len(names))] == ["rose", "1", "2", "3", "4", "5"]
    assert Again(checkpoint, ()).class_word(3) == "3"


def test_names_of_strangers_are_shown_as_text():
    assert text('<img src=x onerror="alert(1)">\x1b') == "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;\\x1b"
