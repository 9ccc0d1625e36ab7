"""A user's own modules, which lie in the working directory."""

import os
import sys
from importlib import import_module
from types import ModuleType


def import_own(module: str) -> ModuleType:
    """Imports a module that the user has named. A console script does not look into the working directory by itself.

    Raises:
        ImportError: There is no such module.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return import_module(module)
