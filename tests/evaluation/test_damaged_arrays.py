"""Whatever is in a .npy or .npz file, reading it gives images or one line; there is no other way out."""

import io
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers.mutants import damaged, few, many
from hypothesis import given
from hypothesis import strategies as st

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation import stored_samples

SHAPE = (3, 5, 4)
IMAGES = np.random.default_rng(0).integers(256, size=(2, 5, 4, 3), dtype=np.uint8)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(*entries: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in zip(("images.npy", "seeds.npy"), entries, strict=False):
            archive.writestr(name, content)
    return stream.getvalue()


ARRAYS = [npy(IMAGES), npy(np.asfortranarray(IMAGES)), npy(IMAGES[:0]), npy(IMAGES.astype(">f4")), npy(IMAGES > 9)]
FILES = [
    *ARRAYS,
    *(npz(array, compression=kind) for array in ARRAYS[:2] for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)),
    npz(npy(IMAGES), npy(np.arange(2))),
    npz(npy(IMAGES), compression=zipfile.ZIP_BZIP2),
    npz(npy(IMAGES), compression=zipfile.ZIP_LZMA),
]


def check(folder: Path, content: bytes) -> None:
    path = folder / "a.npz"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            assert stored_samples(path, SHAPE).pixels.shape[1:] == SHAPE
        except UserError as error:
            assert str(path) in str(error)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017


def with_header(header: str, version: int) -> bytes:
    content = header.encode("latin-1", "replace")
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(content)) + content


values = st.one_of(
    st.sampled_from(["'|u1'", "'O'", "'<f8'", "('|u1', (2,))", "[('a', '|u1')]", "'|V9'", "'|S0'", "'M8[s]'", "'a5'"]),
    st.recursive(
        st.one_of(st.integers(), st.booleans(), st.none(), st.text(max_size=5), st.floats(), st.binary(max_size=5)),
        lambda inside: st.one_of(st.lists(inside, max_size=4).map(tuple), st.lists(inside, max_size=4)),
        max_leaves=6,
    ).map(repr),
)
shapes = st.one_of(values, st.just("(2, 5, 4, 3)"), st.lists(st.integers(-(2**70), 2**70), max_size=6).map(repr))
headers = st.one_of(
    st.builds("{{'descr': {}, 'fortran_order': {}, 'shape': {}}}".format, values, values, shapes),
    st.text(alphabet="{}()[]'\",:0123456789Lu|-~x# \n", max_size=200),
)


@few
@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused_in_one_line(tmp_path, content):
    check(tmp_path, content)


@few
@given(content=damaged(FILES))
def test_a_damaged_array_is_images_or_one_line(tmp_path, content):
    check(tmp_path, content)


@few
@given(content=damaged(ARRAYS).map(npz))
def test_a_damaged_array_in_a_whole_archive_is_images_or_one_line(tmp_path, content):
    check(tmp_path, content)


@few
@given(content=st.builds(with_header, headers, st.integers(1, 3)), packed=st.booleans())
def test_whatever_a_header_declares_is_images_or_one_line(tmp_path, content, packed):
    check(tmp_path, npz(content + IMAGES.tobytes()) if packed else content + IMAGES.tobytes())


@pytest.mark.long
@many
@given(
    content=st.one_of(
        damaged(FILES),
        damaged(ARRAYS).map(npz),
        st.builds(with_header, headers, st.integers(1, 3)),
        st.binary(max_size=2000),
    )
)
def test_many_damaged_arrays_are_images_or_one_line(tmp_path, content):
    check(tmp_path, content)
