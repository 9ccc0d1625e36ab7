"""`--model.objective.help Hinge`: the whole docstring of a class, with its source, also where it has no options."""

import inspect
from collections.abc import Sequence

from gan_lightning.commands.own_code import import_own
from gan_lightning.commands.parser import Parser
from gan_lightning.core.configurable import parameters_of
from gan_lightning.core.discovery import path_of, subclasses

HIDDEN = ("image_shape", "optimizer", "params")
"""Arguments that the command line fills in."""


def print_class_help(parser: Parser, arguments: Sequence[str]) -> None:
    """Answers `--KEY.help [CLASS]` and ends the process; returns if it is not asked for, or the class is not known."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        option, equals, value = word.partition("=")
        key = option.removeprefix("--").removesuffix(".help")
        if option == f"--{key}.help" and key in parser.choices:
            name = value if equals else "" if following.startswith("--") else following
            if not name:
                print(class_list(key, parser.choices[key]), end="")
                parser.exit()
            elif cls := class_named(name, parser.choices[key]):
                print(class_help(key, cls), end="")
                parser.exit()


def class_named(name: str, base: type) -> type | None:
    """The class of this kind with a short name or a dotted path; None if there is none."""
    module, _, _ = name.rpartition(".")
    if module:
        try:
            import_own(module)
        except ImportError:
            return None
    known = [cls for cls in (base, *subclasses(base)) if name in (cls.__name__, path_of(cls))]
    return next((cls for cls in known if not inspect.isabstract(cls)), None)


def class_help(key: str, cls: type) -> str:
    """The docstring of a class, then its options with their defaults."""
    lines = [path_of(cls), "", inspect.getdoc(cls) or "", ""]
    options = {name: p.default for name, p in parameters_of(cls).items() if name not in HIDDEN}
    if not options:
        return "\n".join([*lines, f"{cls.__name__} has no options: --{key} {cls.__name__}", ""])
    width = max(map(len, options))
    lines.append("Options:")
    for name, default in options.items():
        value = "must be given" if default is inspect.Parameter.empty else f"default {default!r}"
        lines.append(f"  --{key}.{name:{width}}  {value}")
    return "\n".join([*lines, ""])


def class_list(key: str, base: type) -> str:
    """The classes of a kind, each with the first line of its docstring."""
    known = sorted({cls for cls in subclasses(base) if not inspect.isabstract(cls)}, key=lambda cls: cls.__name__)
    shown = [cls for cls in known if not cls.__name__.startswith("_")]
    width = max(map(len, (cls.__name__ for cls in shown)), default=0)
    lines = [f"  {cls.__name__:{width}}  {(inspect.getdoc(cls) or '').split(chr(10))[0]}" for cls in shown]
    return "\n".join([f"{base.__name__} for --{key}:", *lines, "", f"--{key}.help NAME explains one of them.", ""])
