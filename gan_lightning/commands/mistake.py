"""A mistake of the user's, as jsonargparse tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan_lightning.commands.parser import Parser


@dataclass(frozen=True)
class Mistake:
    """An error of jsonargparse.

    Args:
        message: Its message, of any number of lines.
        parser: The parser of the whole command, which knows the keys.
    """

    message: str
    parser: Parser

    @property
    def keys(self) -> list[str]:
        """The keys that lead to the mistake: that of an option, then that of an option of the class it names."""
        return list(dict.fromkeys(re.findall(r'Parser key "([^"]+)"', self.message)))

    @property
    def key(self) -> str:
        """The whole key, as a user writes it on the command line."""
        return ".".join(self.keys)

    @property
    def innermost(self) -> str:
        """What is said of the last of the keys: the lines below it that are indented further."""
        lines = self.message.splitlines()
        start = max((i for i, line in enumerate(lines) if 'Parser key "' in line), default=0)
        below = lines[start + 1 :]
        end = next((i for i, line in enumerate(below) if indent(line) <= indent(lines[start])), len(below))
        return "\n".join([lines[start], *below[:end]]) if lines else ""

    def found(self, pattern: str) -> str | None:
        """What the first group of a regular expression matches in the message; None if it does not match."""
        return found(pattern, self.message)


def found(pattern: str, text: str) -> str | None:
    """What the first group of a regular expression matches in a text; None if it does not match."""
    match = re.search(pattern, text)
    return match[1] if match else None


def indent(line: str) -> int:
    """The spaces at the beginning of a line."""
    return len(line) - len(line.lstrip())
