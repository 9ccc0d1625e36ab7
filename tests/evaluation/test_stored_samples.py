"""Existing images to evaluate, from files that strangers made."""

import io
import os
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from gan_lightning.core.errors import UserError
from gan_lightning.data.identity import identify, in_order
from gan_lightning.data.image_data import scale
from gan_lightning.evaluation import stored_samples

SHAPE = (3, 5, 4)
IMAGES = np.random.default_rng(0).integers(256, size=(6, 5, 4, 3), dtype=np.uint8)
PIXELS = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
IN_ORDER = PIXELS[in_order(identify(TensorDataset(PIXELS)))]
LITTLE = 8 * 2**20
"""Bytes that a refusal may take; the lists of a zip file may have one megabyte."""


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=array.dtype == object)
    return stream.getvalue()


def npz(compression: int = zipfile.ZIP_DEFLATED, /, **entries: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def declaring(shape: str, content: bytes = b"", descr: str = "'|u1'", version: int = 1, fortran: bool = False) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + content


def zeros(count: int) -> bytes:
    """An entry of a zip file that holds so many zeros and was packed in no memory."""
    packer, packed = zlib.compressobj(9), io.BytesIO()
    for _ in range(count // 2**20):
        packed.write(packer.compress(bytes(2**20)))
    return packed.getvalue() + packer.flush()


def relabelled(archive: bytes, size: int) -> bytes:
    """A zip file of one entry whose directory declares another size of it, unpacked."""
    start = archive.rindex(b"PK\1\2")
    return archive[: start + 24] + struct.pack("<I", size) + archive[start + 28 :]


def encrypted(archive: bytes) -> bytes:
    start = archive.rindex(b"PK\1\2")
    return archive[:6] + b"\1" + archive[7 : start + 8] + b"\1" + archive[start + 9 :]


def peak(work: Callable[[], object]) -> int:
    """How many bytes are allocated at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refusal(path: Path, memory_gib: float = 4.0) -> str:
    """Why the images are refused, in one line and in little memory."""

    def refuse() -> None:
        with pytest.raises(UserError) as caught:
            stored_samples(path, SHAPE, memory_gib)
        said.append(str(caught.value))

    said: list[str] = []
    assert peak(refuse) < LITTLE
    assert str(path) in said[0]
    assert "\n" not in said[0]
    return said[0]


GOOD: dict[str, Callable[[], bytes]] = {
    "npy": lambda: npy(IMAGES),
    "npy and more": lambda: npy(IMAGES) + npy(IMAGES),
    "fortran": lambda: npy(np.asfortranarray(IMAGES)),
    "version 2": lambda: declaring("(6, 5, 4, 3)", IMAGES.tobytes(), version=2),
    "python 2": lambda: declaring("(6L, 5L, 4L, 3L)", IMAGES.tobytes()),
    "one entry": lambda: npz(a=npy(IMAGES)),
    "images": lambda: npz(seeds=npy(np.arange(6)), images=npy(IMAGES)),
    "not compressed": lambda: npz(zipfile.ZIP_STORED, images=npy(IMAGES)),
    "beside a pickle": lambda: npz(images=npy(IMAGES), labels=npy(np.array([print]))),
    "many entries": lambda: npz(images=npy(IMAGES), **{f"{i}": b"" for i in range(5000)}),
}


@pytest.mark.parametrize("name", GOOD)
def test_arrays_are_read_as_numpy_reads_them(name, tmp_path):
    (tmp_path / "a").write_bytes(GOOD[name]())
    samples = stored_samples(tmp_path / "a", SHAPE)
    assert torch.equal(samples.sample(range(6)), scale(IN_ORDER))


def test_an_archive_that_numpy_wrote_is_read(tmp_path):
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", images=IMAGES, seeds=np.arange(6))
        assert torch.equal(stored_samples(tmp_path / "a.npz", SHAPE).pixels, PIXELS)


def test_names_do_not_decide_which_images_are_taken(tmp_path):
    for folder, order in (("sorted", range(6)), ("shuffled", (3, 1, 5, 0, 4, 2))):
        (tmp_path / folder).mkdir()
        for i, image in enumerate(IMAGES[list(order)]):
            Image.fromarray(image).save(tmp_path / folder / f"{i}.png")
    first, second = (stored_samples(tmp_path / folder, SHAPE).sample(range(3)) for folder in ("sorted", "shuffled"))
    assert torch.equal(first, second)
    assert torch.equal(first, scale(IN_ORDER[:3]))


NO_ARRAY: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"no array",
    "start of npy": lambda: b"\x93NUMPY",
    "truncated header": lambda: npy(IMAGES)[:40],
    "truncated values": lambda: npy(IMAGES)[:-1],
    "start of zip": lambda: b"PK\3\4",
    "empty zip": lambda: npz(),
    "truncated zip": lambda: npz(images=npy(IMAGES))[:-30],
    "garbled zip": lambda: npz(zipfile.ZIP_STORED, images=npy(IMAGES)).replace(IMAGES.tobytes(), bytes(IMAGES.size)),
    "encrypted": lambda: encrypted(npz(images=npy(IMAGES))),
    "other compression": lambda: npz(zipfile.ZIP_LZMA, images=npy(IMAGES)),
    "no images": lambda: npz(a=npy(IMAGES), b=npy(IMAGES)),
    "empty entry": lambda: npz(images=b""),
    "lie": lambda: declaring("(1000000, 5, 4, 3)", bytes(60)),
    "lie in a zip": lambda: npz(images=declaring("(1000000, 5, 4, 3)", bytes(60))),
    "lie of a zip": lambda: relabelled(npz(images=declaring("(1000000, 5, 4, 3)", bytes(60))), 2**31),
    "overlong header": lambda: npz(images=b"\x93NUMPY\2\0" + struct.pack("<I", 2**24) + b" " * 2**24),
    "overlong header in version 1": lambda: b"\x93NUMPY\1\0" + struct.pack("<H", 60_000) + b"(" * 60_000,
    "nested header": lambda: declaring("(" * 900),
    "signs": lambda: declaring("-" * 900 + "1"),
    "no dictionary": lambda: b"\x93NUMPY\1\0" + struct.pack("<H", 2) + b"[]",
    "code": lambda: declaring("__import__('os').system('true')"),
    "names of fields": lambda: b"\x93NUMPY\3\0" + struct.pack("<I", 2) + b"{}",
    "no such dtype": lambda: declaring("(6, 5, 4, 3)", IMAGES.tobytes(), descr="'x9'"),
    "text for a shape": lambda: declaring("'6543'"),
    "far too many entries": lambda: npz(**{f"{i}" + "a" * 200: b"" for i in range(5000)}),
}


@pytest.mark.parametrize("name", NO_ARRAY)
def test_what_is_no_array_is_refused_in_one_line(name, tmp_path):
    (tmp_path / "a.npz").write_bytes(NO_ARRAY[name]())
    assert "a.npz holds no array of images: give a .npz or .npy file, or a folder of pictures" in refusal(
        tmp_path / "a.npz"
    )


OTHER_ARRAY: dict[str, Callable[[], bytes]] = {
    "pickle": lambda: npy(np.array([print])),
    "fields": lambda: npy(np.zeros(6, dtype=[("a", "u1"), ("b", "f4")])),
    "floats": lambda: npy(IMAGES.astype(np.float32)),
    "numbers with a sign": lambda: npy(IMAGES.astype(np.int8)),
    "bits": lambda: npy(IMAGES > 9),
    "no axes": lambda: npy(np.uint8(3)),  # type: ignore[arg-type]
    "three axes": lambda: npy(IMAGES[0]),
    "five axes": lambda: npy(IMAGES[None]),
    "channels first": lambda: npy(IMAGES.transpose(0, 3, 1, 2)),
    "negative": lambda: declaring("(-1, 5, 4, 3)", IMAGES.tobytes()),
    "negative twice": lambda: declaring("(-1, -5, 4, 3)", IMAGES.tobytes()),
    "beyond 64 bits": lambda: declaring("(2, 5, 4, 18446744073709551619)", IMAGES.tobytes()),
    "other images": lambda: npz(images=declaring("(900000000, 28, 28, 1)", zeros(2**24))),
}


@pytest.mark.parametrize("name", OTHER_ARRAY)
def test_other_arrays_are_refused_by_their_header(name, tmp_path):
    (tmp_path / "a.npz").write_bytes(OTHER_ARRAY[name]())
    assert "and the real images are (3, 5, 4): it must be uint8 (N, 5, 4, 3)" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize("count", ["100000000000", "9" * 300])
def test_more_images_than_fit_into_memory_are_refused_by_their_header(count, tmp_path):
    (tmp_path / "a.npy").write_bytes(declaring(f"({count}, 5, 4, 3)"))
    assert "GiB, and judge.memory_gib is 4: raise judge.memory_gib, or give fewer images" in refusal(tmp_path / "a.npy")


def test_the_limit_on_memory_can_be_lowered(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((20_000, 5, 4, 3), dtype=np.uint8))
    assert "holds 20,000 images, which need 0.0011 GiB, and judge.memory_gib is 0.001" in refusal(
        tmp_path / "a.npy", 0.001
    )
    assert len(stored_samples(tmp_path / "a.npy", SHAPE, memory_gib=0.0012)) == 20_000


@pytest.mark.parametrize("memory_gib", [0.0, -1.0, float("nan")])
def test_no_memory_at_all_is_refused(memory_gib, tmp_path):
    with pytest.raises(UserError, match=r"judge.memory_gib is .*; it must be above 0"):
        stored_samples(tmp_path, SHAPE, memory_gib)


def test_images_are_read_into_their_own_memory_and_no_more(tmp_path):
    images = np.zeros((200_000, 5, 4, 3), dtype=np.uint8)
    np.savez_compressed(tmp_path / "a.npz", images=images)
    assert peak(lambda: stored_samples(tmp_path / "a.npz", SHAPE)) < images.nbytes + LITTLE


def test_a_pipe_is_no_file_of_images(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    assert "a.npz, which is no regular file" in refusal(tmp_path / "a.npz")


# ---- pictures -------------------------------------------------------------------------------------------------------


def test_pictures_are_read_in_the_order_of_their_names(tmp_path):
    for i, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    Image.new("RGB", (900, 900)).save(tmp_path / "grid.png")
    samples = stored_samples(tmp_path, SHAPE)
    assert torch.equal(samples.pixels, PIXELS)


def test_a_picture_of_another_size_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda image: pytest.fail("decoded"))
    assert "a.png is 40x30, but the real images are 4x5" in refusal(tmp_path)


def test_a_picture_of_far_too_many_pixels_is_refused(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6 99999 99999 255\n")
    assert "a.ppm (it has 9,999,800,001 pixels, and the real images have 20): remove it" in refusal(tmp_path)


def test_more_pictures_than_fit_into_memory_are_refused_unread(tmp_path):
    for i in range(20):
        (tmp_path / f"{i}.png").write_bytes(b"no picture")
    assert "holds 20 images, which need" in refusal(tmp_path, 1e-6)


def test_linked_folders_are_read_and_hidden_files_are_not(tmp_path):
    for name in ("images", "elsewhere"):
        (tmp_path / name).mkdir()
        Image.fromarray(IMAGES[0]).save(tmp_path / name / "a.png")
    (tmp_path / "images" / "._a.png").write_bytes(b"what macOS writes beside files")
    (tmp_path / "images" / "more").symlink_to(tmp_path / "elsewhere")
    assert len(stored_samples(tmp_path / "images", SHAPE)) == 2
