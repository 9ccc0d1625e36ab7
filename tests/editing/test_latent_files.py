"""Latents in files."""

import numpy as np
import pytest
import torch

from gan_lightning.core.errors import UserError
from gan_lightning.editing.latent_files import Latents, check_latents, read_latents, write_latents

FOUND = Latents(torch.randn(2, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([4, 0]), ["a.png", "ü.png"])


@pytest.mark.parametrize("y", [FOUND.y, None], ids=["labels", "no labels"])
def test_latents_come_back_as_they_were_written_and_the_same_latents_are_the_same_bytes(tmp_path, y):
    for name in ("first.npz", "second.npz"):
        write_latents(tmp_path / name, FOUND._replace(y=y))
    z, labels, names = read_latents(tmp_path / "first.npz")
    assert torch.equal(z, FOUND.z)
    assert names == FOUND.names
    assert (labels is None and y is None) or (labels is not None and y is not None and torch.equal(labels, y))
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": np.zeros((2, 4, 4, 1), np.uint8)}, "holds images, not latents"),
        ({"points": np.zeros((2, 2))}, "holds points, not latents"),
        ({"z": np.zeros(3, np.float32)}, r"holds z \(3,\)"),
        ({"z": np.array([[np.nan]])}, "finite"),
        ({"z": np.zeros((2, 3), np.uint8)}, "holds z as uint8"),
        ({"z": np.zeros((2, 3)), "y": np.zeros(3, np.int64)}, "one label"),
        ({"z": np.array([[object()]], dtype=object)}, "no latents"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_what_holds_no_latents_is_refused_in_one_line(tmp_path, arrays, words):
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(UserError, match=words):
        read_latents(tmp_path / "other.npz")


@pytest.mark.parametrize("content", [b"", b"PK", b"points"], ids=["empty", "damaged", "text"])
def test_a_file_that_is_no_archive_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "other.npz").write_bytes(content)
    with pytest.raises(UserError, match="holds no latents"):
        read_latents(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("latent_dim", "classes", "y", "words"),
    [
        (4, 10, FOUND.y, "this model takes 4"),
        (3, 0, FOUND.y, "has no classes"),
        (3, 10, None, "without labels"),
        (3, 3, FOUND.y, "labels from 0 to 4"),
    ],
)
def test_latents_of_another_model_are_refused(latent_dim, classes, y, words):
    with pytest.raises(UserError, match=words):
        check_latents(FOUND._replace(y=y), latent_dim, classes, "latents.npz")
