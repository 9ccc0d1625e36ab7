"""A file is whole at any moment."""

import pytest

from gan_lightning.core.whole_files import replacing


def test_a_file_is_replaced_only_when_the_new_one_is_complete(tmp_path):
    path = tmp_path / "new folder" / "file"
    with replacing(path) as file:
        file.write(b"one")
        assert not path.exists()
    with replacing(path) as file:
        file.write(b"two")
        assert path.read_bytes() == b"one"
    assert path.read_bytes() == b"two"


def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    (tmp_path / "file").write_bytes(b"old")

    def fail() -> None:
        with replacing(tmp_path / "file") as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]
