"""A checkpoint needs no more memory or time than its size explains, or is refused before torch reads it."""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gan_lightning.core import checkpoint_files
from gan_lightning.core.archives import LONGEST_PICKLE, check_archive
from gan_lightning.core.errors import UserError

PROTOCOL = b"\x80\x02"


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def with_pickle(path: Path, pickled: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    """An archive as torch writes it, with another pickle in it."""
    saved(path, {"state_dict": {"a": torch.ones(4)}, "hyper_parameters": {}})
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in records.items():
            archive.writestr(name, pickled if name.endswith("data.pkl") and pickled else data)
    return path


def compressed(path: Path) -> None:
    """Many zeros, in few bytes."""
    with_pickle(path, b"", zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("x/data/1", "w") as record:
        for _ in range(8):
            record.write(bytes(2**24))


def expanded(path: Path) -> None:
    """Ten thousand million numbers, all of them the same one."""
    saved(path, {"state_dict": {"a": torch.ones(1).expand(10**10)}, "hyper_parameters": {}})


def said_to_be_long(path: Path) -> None:
    with zipfile.ZipFile(saved(path, torch.ones(4))) as archive:
        pickled = archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
    with_pickle(path, pickled.replace(b"K\x04tq", b"K\xfftq", 1))


def beyond_its_storage(path: Path) -> None:
    with zipfile.ZipFile(saved(path, torch.ones(4))) as archive:
        pickled = archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
    assert pickled.count(b"K\x04\x85") == 1  # the shape
    with_pickle(path, pickled.replace(b"K\x04\x85", b"K\x40\x85"))


def nine_times_the_same(path: Path, inner: bytes = b"]", outer: bytes = b"l") -> None:
    """A list of nine times the same list of nine times the same list ..., thirty deep."""
    lists = inner + b"".join(b"q%c0(" % n + b"h%c" % n * 9 + outer for n in range(1, 30))
    with_pickle(path, PROTOCOL + lists + b".")


def nine_times_the_same_as_a_key(path: Path) -> None:
    tuples = b")" + b"".join(b"q%c0(" % n + b"h%c" % n * 9 + b"t" for n in range(1, 30))
    with_pickle(path, PROTOCOL + b"}" + tuples + b"Ns.")


def deep(path: Path) -> None:
    with_pickle(path, PROTOCOL + b"]" * 100_000 + b"a" * 99_999 + b".")


def itself(path: Path) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with_pickle(path, pickle.dumps(endless, protocol=2))


def many_values(path: Path) -> None:
    with_pickle(path, PROTOCOL + b"(" + b"}" * 3_000_000 + b"t.")


def long_pickle(path: Path) -> None:
    with_pickle(path, pickle.dumps("a" * LONGEST_PICKLE, protocol=2))


def far_memo(path: Path) -> None:
    with_pickle(path, PROTOCOL + b"]r\xff\xff\xff\xff.")


def byte_array(path: Path) -> None:
    with_pickle(path, PROTOCOL + b"c__builtin__\nbytearray\n\x8a\x05\x00\x00\x00\x00\x10\x85R.")


def sparse(path: Path) -> None:
    saved(path, torch.sparse_coo_tensor(torch.tensor([[0], [0]]), torch.ones(1), (10**6, 10**6), check_invariants=True))


def twice_the_same_name(path: Path) -> None:
    saved(path, torch.ones(4))
    with zipfile.ZipFile(path, "a") as archive:
        name = archive.namelist()[0]
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(name, b"N.")


def no_archive(path: Path) -> None:
    torch.save(torch.ones(4), path, _use_new_zipfile_serialization=False)


ATTACKS = [
    compressed, expanded, said_to_be_long, beyond_its_storage, nine_times_the_same, nine_times_the_same_as_a_key, deep,
    itself, many_values, long_pickle, far_memo, byte_array, sparse, twice_the_same_name, no_archive,
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_file_that_would_take_more_than_its_size_explains_is_refused(attack: Callable, tmp_path: Path):
    path = tmp_path / "theirs.ckpt"
    attack(path)
    with pytest.raises(UserError, match=r"theirs\.ckpt") as caught:
        checkpoint_files.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        {"a": torch.zeros(0), "b": torch.tensor(1.0), "c": torch.ones(2, 3).T, "d": torch.ones(10)[3:5]},
        {"shared": [tensor := torch.ones(1000), tensor, tensor.view(10, 100)], "few": torch.ones(1).expand(1000)},
        OrderedDict(weight=nn.Parameter(torch.ones(3, dtype=torch.bfloat16))),
        nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).state_dict(),
        {1: "a", "b": [None, True, 2.5, 10**30, -1], "c": (1, (2, (3,))), "d": {}, "e": torch.float16},
        [torch.ones(2, dtype=dtype) for dtype in (torch.bool, torch.uint8, torch.int16, torch.complex64)],
    ],
    ids=["tensors", "shared", "parameter", "modules", "values", "dtypes"],
)
def test_what_training_saves_is_let_through(content: Any, tmp_path: Path):
    check_archive(saved(tmp_path / "ours.ckpt", content))
