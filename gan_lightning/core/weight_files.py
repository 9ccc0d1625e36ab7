"""Weights that come in packages, of which nothing but the file of the weights is opened."""

import hashlib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from gan_lightning.core.errors import UserError


class WeightFile(NamedTuple):
    """A file of weights in a package.

    Args:
        package: The name of the package, as pip knows it. Its code is never imported.
        file: The file, relative to where packages are installed.
        digest: The first twelve hexadecimal digits of the file's SHA-256.
        command: What installs the package.
    """

    package: str
    file: str
    digest: str
    command: str

    def path(self, needed_by: str) -> Path:
        """Returns the path of the file.

        Args:
            needed_by: The option and its value, for the message.

        Raises:
            UserError: The package is not installed, or has another file.
        """
        try:
            path = Path(str(metadata.distribution(self.package).locate_file(self.file)))
        except metadata.PackageNotFoundError as error:
            raise UserError(f"{needed_by} needs {self.package}: {self.command}") from error
        if not path.is_file() or digest_of(path) != self.digest:
            raise UserError(f"{path} is missing or not that of {self.package} whose scores are known: {self.command}")
        return path


def digest_of(path: Path) -> str:
    """The first twelve hexadecimal digits of the SHA-256 of a file, which may be larger than the memory."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()[:12]
