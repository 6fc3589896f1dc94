"""Options: in sections, with older spellings, and gathered into typed objects.

A command that passes its options on declares them as a frozen dataclass, each field with `option_field`, and takes the
dataclass as a parameter; `with_options` builds it. mypy then checks every use:

    @dataclass(frozen=True)
    class CopyOptions:
        threads: int = option_field("--threads", type=int, default=8, help="Files to read at once.")

    @command()
    def copy(options: CopyOptions) -> None: ...
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

import click
from click.core import ParameterSource

from tmxdb.cli.completion.words import completer_of
from tmxdb.cli.framework.environment import ENVIRONMENT

F = TypeVar("F", bound=Callable[..., Any])
GENERAL = "General"
_KEY = "tmxdb.cli.option"


class SectionedOption(click.Option):
    """A Click option with a `section` in the help and `old_names` that are accepted but not shown."""

    def __init__(self, *args: Any, section: str = GENERAL, old_names: tuple[str, ...] = (), **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self.section, self.old_names = section, old_names

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Leave out the range of a number: an error names it, and most ranges are obvious."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert the value. Refuse text that is not valid UTF-8, which only names of files can be."""
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and not self._is_file and not is_utf8(text):
                raise click.BadParameter("The value is not valid UTF-8.", ctx=ctx, param=self)
        return super().type_cast_value(ctx, value)

    @property
    def _is_file(self) -> bool:
        return any(word in (self.metavar or "") for word in ("FILE", "FOLDER", "PROGRAM", "OUT"))

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Accept the old names too. They are left out of `opts`, which the help prints."""
        shown, self.opts = self.opts, [*self.opts, *self.old_names]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = shown


def option(*names: str, inherited: bool = False, **attrs: Any) -> Callable[[F], F]:
    """Return a decorator that adds an option. See `ENVIRONMENT` for the ones that read an environment variable.

    `inherited`: the value given before the command's name counts if there is none after it. Only the group reads the
    environment for such an option; otherwise TMXDB_DB would override `tmxdb --db x status`. It is read before the other
    options, because an id can be a URL of the site of that database.
    """
    if inherited:
        attrs["is_eager"] = True
    variables = ENVIRONMENT.get(_long_name(names))
    if variables and inherited:
        attrs["help"] = f"{attrs['help']}  [env var: {', '.join(variables)}]"
    elif variables:
        attrs |= {"envvar": list(variables), "show_envvar": True}
    attrs.setdefault("shell_complete", completer_of(names, attrs.get("metavar")))
    return click.option(*names, cls=SectionedOption, **attrs)


def option_field(*names: str, default: Any = None, inherited: bool = False, **attrs: Any) -> Any:
    """Return a dataclass field that is an option of every command that takes the dataclass."""
    settings = {"names": names, "inherited": inherited, "default": default, **attrs}
    if attrs.get("multiple") and default is None:
        default = ()
        settings.pop("default")
    if attrs.get("required"):
        settings.pop("default", None)
        return dataclasses.field(metadata={_KEY: settings}, kw_only=True)
    return dataclasses.field(default=default, metadata={_KEY: settings}, kw_only=True)


def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of each option dataclass among the parameters of `function`, and build those objects."""
    hints = get_type_hints(function)
    groups = {
        name: hints[name] for name in inspect.signature(function).parameters if dataclasses.is_dataclass(hints[name])
    }

    @functools.wraps(function)
    def call(**values: Any) -> Any:
        for name, group in groups.items():
            values[name] = group(**{field.name: _value(field, values) for field in dataclasses.fields(group)})
        return function(**values)

    own = call.__dict__.pop("__click_params__", [])
    decorated: Callable[..., Any] = call
    for group in reversed(list(groups.values())):
        for field in reversed(dataclasses.fields(group)):
            settings = dict(field.metadata[_KEY])
            names = (*settings.pop("names"), field.name)
            decorated = option(*names, **settings)(decorated)
    if own:  # Click lists the last parameter first: the command's own come before those of the groups
        decorated.__dict__.setdefault("__click_params__", []).extend(own)
    return decorated


def typed_by_section() -> dict[str, list[str]]:
    """Return the options that were typed after the name of the running command, by their section in its help."""
    context = click.get_current_context()
    found: dict[str, list[str]] = {}
    for parameter in context.command.params:
        is_typed = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if is_typed and isinstance(parameter, SectionedOption):
            found.setdefault(parameter.section, []).append("/".join([parameter.opts[0], *parameter.secondary_opts]))
    return found


def _value(field: dataclasses.Field[Any], values: dict[str, Any]) -> Any:
    value = values.pop(field.name)
    if field.metadata[_KEY]["inherited"] and not value:
        return getattr(click.get_current_context().find_root().obj, field.name, None)
    return value


def is_utf8(text: str) -> bool:
    """Return whether `text` can be encoded; Python puts surrogates where an argument is not valid UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _long_name(names: tuple[str, ...]) -> str:
    return next((name.split("/")[0] for name in names if name.startswith("--")), "")
