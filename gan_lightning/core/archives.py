"""Checks a file written by `torch.save` before torch reads it: that it needs no more memory than it has bytes.

torch's reader executes nothing from a file, but it trusts the sizes in it: of compressed records, and of tensors that
are larger than their data. Here the file's directory and its pickle are read first, and nothing in them is made.
"""

import io
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any

from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import check_nesting

LONGEST_PICKLE = 16 * 2**20
"""Bytes of a checkpoint besides its tensors. (Those of StyleGAN2 at 1024 pixels have less than one million.)"""

MOST_OPCODES = 2_000_000

TIMES_SHARED, SPARE_BYTES = 4, 64 * 2**20
"""The tensors of a file may need this many times its bytes, as they may share them, and this many bytes besides."""

BYTES = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "UntypedStorage": 1,
    "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
}  # fmt: skip
"""The size of an element in each kind of storage."""

REBUILDS = ("_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_parameter_with_state")
"""The functions of torch that make ordinary tensors and parameters. (Others make sparse, quantised, nested ones.)"""


class Inert(list):
    """Stands for whatever a pickle names: it takes all that a pickle can do to an object, and keeps the parts."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(parts)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().append((key, value))

    def __setstate__(self, state: Any) -> None:
        super().append(state)

    def add(self, part: Any) -> None:
        super().append(part)

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


class Dry(pickle._Unpickler):  # type: ignore[name-defined]  # the one in C trusts sizes, too
    """Reads a pickle without making anything that it names.

    Args:
        data: The pickle.
        records: The size in bytes of each record of the archive, by its key.
        path: The file.
    """

    dispatch: dict[int, Callable] = {**pickle._Unpickler.dispatch}  # type: ignore[attr-defined]  # noqa: RUF012

    def __init__(self, data: bytes, records: dict[str, int], path: Path) -> None:
        super().__init__(io.BytesIO(data))
        self.records, self.path = records, path
        self.room = TIMES_SHARED * path.stat().st_size + SPARE_BYTES
        self.append: Callable[[Any], None]

    def find_class(self, module: str, name: str) -> Any:
        if "rebuild" in name and (module != "torch._utils" or name not in REBUILDS):
            raise UserError(f"{self.path} holds a tensor made by {module}.{name}, not an ordinary one")
        if name == "bytearray":
            raise UserError(f"{self.path} holds a bytearray, not a tensor or plain values")
        return self.tensor if name == "_rebuild_tensor_v2" else type(name, (Inert,), {})

    def persistent_load(self, pid: Any) -> tuple[int, int]:
        """A storage: its number of elements, and the bytes of each.

        Raises:
            UserError: The archive holds more or fewer.
        """
        _, kind, key, _, numel = pid
        size = BYTES[kind.__name__]
        if type(numel) is not int or numel * size != self.records[f"data/{key}"]:
            raise damaged(self.path)
        return numel, size

    def tensor(self, storage: Any, offset: int, shape: Sequence[int], stride: Sequence[int], *others: Any) -> Any:
        """A tensor, as its parts.

        Raises:
            UserError: It reaches beyond its storage, or all tensors need much more memory than the file has bytes.
        """
        (numel, size), numbers = storage, [offset, *shape, *stride]
        if not all(type(n) is int and n >= 0 for n in numbers) or len(shape) != len(stride):
            raise damaged(self.path)
        end = offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True)) + 1
        self.room -= prod(shape) * size
        if self.room < 0 or (prod(shape) and end > numel):
            raise UserError(f"{self.path} holds a tensor of {tuple(shape)}, but {numel} numbers for it")
        return Inert(*others)

    def load_empty_dictionary(self) -> None:
        self.append(Inert())  # no key is hashed: the hash of a nested key may take forever

    dispatch[pickle.EMPTY_DICT[0]] = load_empty_dictionary
    dispatch[pickle.EMPTY_SET[0]] = load_empty_dictionary


def check_archive(path: str | Path, checksums: bool = True) -> None:
    """Refuses a file that torch would need more memory or more time for than its size explains.

    Args:
        path: The file.
        checksums: Whether to compare all bytes with their checksums, which torch does not.

    Raises:
        UserError: It is no archive of `torch.save`, is damaged, or its sizes contradict each other.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            records = sizes(archive, path)
            pickled = archive.read(record_named("data.pkl", archive))
            if checksums and archive.testzip() is not None:
                raise damaged(path)
        if sum(1 for _ in pickletools.genops(pickled)) > MOST_OPCODES:
            raise UserError(f"{path} holds too much besides its tensors: {len(pickled):,} bytes of plain values")
        content = Dry(pickled, records, path).load()
    except UserError:
        raise
    except Exception as error:  # on foreign bytes zipfile and pickle raise many kinds
        raise damaged(path) from error
    check_nesting(content, path)


def sizes(archive: zipfile.ZipFile, path: Path) -> dict[str, int]:
    """The bytes of each record of an archive, by its name without the folder that torch puts all of them in.

    Raises:
        UserError: The records are compressed or overlap, or plain values take too much room.
    """
    found = archive.infolist()
    names = [info.filename.partition("/")[2] for info in found]
    if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 for info in found):
        raise UserError(f"{path} is compressed, which gan fit never does: name a checkpoint that gan fit wrote")
    if len({*names}) < len(names) or sum(info.file_size for info in found) > path.stat().st_size:
        raise damaged(path)
    records = dict(zip(names, (info.file_size for info in found), strict=True))
    if records["data.pkl"] > LONGEST_PICKLE:
        raise UserError(f"{path} holds {records['data.pkl']:,} bytes besides its tensors; at most {LONGEST_PICKLE:,}")
    return records


def record_named(name: str, archive: zipfile.ZipFile) -> str:
    return next(full for full in archive.namelist() if full.partition("/")[2] == name)


def damaged(path: object) -> UserError:
    return UserError(f"{path} is damaged or is not a checkpoint: name one that gan fit wrote")
