"""`~` and environment variables in paths, which a shell replaces only on the command line, and not everywhere there."""

import os
import re

from jsonargparse import Namespace

from gan_lightning.core.errors import UserError

PATHS = (
    "root",
    "a",
    "b",
    "inputs",
    "targets",
    "path",
    "folder",
    "default_root_dir",
    "ckpt_path",
    "start_from",
    "images",
    "extractor",
    "latents",
    "along",
    "mask",
    "tuned",
    "directions",
)
"""The options, of the package's classes and of a user's own, whose value is a path; each by its last word."""


def expand_paths(config: Namespace) -> None:
    """Replaces `~` and variables in all paths of a command.

    Raises:
        UserError: A variable is not set.
    """
    for key in config.keys():  # noqa: SIM118  not a mapping
        value = config[key]
        if key.rpartition(".")[2] in PATHS and isinstance(value, str):
            config[key] = expanded(value, key.replace(".init_args", ""))


def expanded(path: str, key: str) -> str:
    """Returns a path in which `~`, `$NAME` and `${NAME}` are replaced. A path that exists as it is stays so.

    Args:
        path: The path.
        key: The option that holds it.

    Raises:
        UserError: A variable is not set.
    """
    if os.path.exists(path):
        return path
    found = os.path.expandvars(os.path.expanduser(path))
    if (name := re.search(r"\$(\w+|\{\w+\})", found)) and name[0] in path:
        raise UserError(f"{key} is {path}, but there is no environment variable {name[1].strip('{}')}: set it")
    return found
