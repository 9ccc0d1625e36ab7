"""jsonargparse's parser, with errors of one line that say what to do."""

from collections.abc import Sequence
from typing import Any, NoReturn

from jsonargparse import ActionConfigFile, ArgumentParser, Namespace

from gan_lightning.commands.explain import explain
from gan_lightning.commands.paths import expand_paths
from gan_lightning.commands.wrong_configs import check_configs
from gan_lightning.core.errors import UserError, printable


class Parser(ArgumentParser):
    """A parser that explains errors in one line. (jsonargparse makes one for each class that it meets, too.)"""

    choices: dict[str, type] = {}  # noqa: RUF012  set once for the parser of a whole command
    """The options whose value names a class, and what that must be a kind of."""
    lists: tuple[str, ...] = ()
    """The options that take several classes."""
    words: Sequence[str] = ()
    """The command line that is parsed."""
    raises = False
    """Whether a mistake raises `UserError`, for scripts, rather than end the process."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:
            super().error(message, ex)  # inside a class: it raises, and comes by again for the whole command
        if self.raises:
            raise UserError(explain(message, self)) from ex
        self.exit(2, printable(f"{self.prog}: {explain(message, self)}\n"))

    @property
    def options(self) -> list[str]:
        """The keys of this command, without those of classes."""
        return [action.dest for action in self._actions]


def command_parser(command: str, description: str) -> Parser:
    """Options and YAML files of one command."""
    usage = f"gan {command} [--config FILE ...] [--key value ...]"
    parser = Parser(prog=f"gan {command}", usage=usage, description=description, allow_abbrev=False)
    parser.add_argument(
        "--config",
        action=ActionConfigFile,
        help="A YAML file of options, or the name of a config of the package (gan configs lists them). Several are "
        "laid over each other in order.",
    )
    return parser


def parsed(parser: Parser, arguments: list[str]) -> Namespace:
    """The options; what is wrong with the files behind them is said in one line.

    Raises:
        UserError: A file cannot be read as a config.
    """
    parser.words = arguments
    check_configs(arguments, parser.options)
    try:
        config = parser.parse_args(arguments)
    except (OverflowError, IndexError, RecursionError) as error:  # the parser expects other mistakes
        raise UserError(f"an option has a value that cannot be read ({error}): see gan COMMAND --help") from error
    except UnicodeEncodeError as error:
        raise UserError(f"an option holds bytes that are no text ({error.object}): write it in UTF-8") from error
    except UnicodeDecodeError as error:
        raise UserError("a file of options is not text in UTF-8: name a YAML file") from error
    expand_paths(config)
    return config


def instantiated(parser: Parser, config: Namespace) -> Namespace:
    """What the options make.

    Raises:
        UserError: A class refuses its options.
    """
    nothing = [word for word in parser.words if word.partition("=")[2] in ("null", "None", "~")]
    try:
        return Namespace(parser.instantiate(config))
    except TypeError as error:
        if not nothing:
            raise
        raise UserError(f"{' and '.join(nothing)}: it cannot be null; leave it out for its default") from error
    except ValueError as error:  # for an option that may be empty, jsonargparse wraps what a class says
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise


def nested(group: Namespace) -> dict[str, Any]:
    """A group of options as keyword arguments."""
    return dict(group.items(branches=True, nested=False))
