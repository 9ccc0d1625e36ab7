"""A user's own modules, which lie in the folder where `gan` is started.

That folder may have come from the internet, with a `tabulate.py` beside its checkpoint. It is therefore not on
`sys.path`, where the optional imports of all libraries would look into it. Only modules that the user names are found
there, and what these import in turn.
"""

import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType

NAMED = (__name__, "jsonargparse._util")
"""The modules that import what a user has named: this one, and the one in which the parser finds classes."""

FOUND = "GAN_LIGHTNING_OWN_MODULES"
"""The environment variable with the folder of each module found, for processes that this one starts."""


class OwnModules(MetaPathFinder):
    """Finds a user's own modules, after everything that is installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found, asks = json.loads(os.environ.get(FOUND, "{}")), importer(sys._getframe(1))
        folder = os.getcwd() if asks in NAMED else found.get(asks.partition(".")[0]) or found.get(fullname)
        if folder is None or path is not None:  # a package finds its own modules
            return None
        spec = PathFinder.find_spec(fullname, [folder])
        if spec is not None:
            os.environ[FOUND] = json.dumps({**found, fullname: folder})
        return spec


def importer(frame: FrameType | None) -> str:
    """The name of the module that imports, from a stack of frames whose last ones are Python's own."""
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "importlib":
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__"))


def import_own(module: str) -> ModuleType:
    """Imports a module that the user has named.

    Raises:
        ImportError: There is no such module.
    """
    if not all(word.isidentifier() for word in module.split(".")):
        raise ImportError(f"{module or 'an empty name'} is no name of a module")
    return import_module(module)


sys.meta_path.append(OwnModules())
