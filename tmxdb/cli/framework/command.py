"""Commands and groups: help in sections of at most 80 columns, suggestions for what was mistyped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from tmxdb.cli.framework.option import GENERAL, option, with_options
from tmxdb.cli.framework.types import suggestion
from tmxdb.cli.shared.output import message

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 80}


class SectionedCommand(click.Command):
    """A command whose options are listed by section, general ones first.

    `negative_values`: a negative number among its arguments is a value, not an option.
    """

    def __init__(self, name: str | None, *, negative_values: bool = False, **attrs: Any) -> None:
        super().__init__(name, **{"context_settings": CONTEXT, **attrs})
        self._negative_values = negative_values

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section after the other."""
        write_options(self, ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; say where an option belongs that is one of the whole program."""
        try:
            return super().parse_args(ctx, [*args])
        except click.NoSuchOption as error:
            if self._negative_values and error.option_name[1:2].isdecimal():
                ctx.ignore_unknown_options = True
                return super().parse_args(ctx, args)
            program = ctx.find_root()
            option = _options_of(program.command).get(error.option_name)
            if option is None or ctx.parent is None or option.name == "data":
                raise  # a command that uses the data folder has it
            value = "" if option.is_flag or option.count else f" {option.make_metavar(program)}"
            command = ctx.command_path.removeprefix(program.command_path).strip()
            raise click.NoSuchOption(
                error.option_name,
                f"No such option: {error.option_name} after the command's name."
                f" Write it before: `tmxdb {error.option_name}{value} {command}`.",
                ctx=ctx,
            ) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. If it uses no data folder and --data was typed before its name, say so."""
        program = ctx.find_root()
        if program.get_parameter_source("data") is ParameterSource.COMMANDLINE and "data" not in ctx.params:
            name = ctx.command_path.removeprefix(program.command_path).strip()
            message(f"`{name}` does not use --data. `tmxdb config set data FOLDER` stores a data folder.")
        return super().invoke(ctx)


class SectionedGroup(click.Group):
    """A group of commands; a mistyped command gets a suggestion."""

    def __init__(self, name: str | None, **attrs: Any) -> None:
        super().__init__(name, **{"context_settings": CONTEXT, **attrs})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, which most readers look for, then the group's options."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with. Fail, with the closest name, if there is none."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            hint = suggestion(name, self.list_commands(ctx)) or f" `{ctx.command_path} --help` lists all commands."
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def command_of(self, name: str | None = None, **attrs: Any) -> Callable[[Callable[..., Any]], click.Command]:
        """Return a decorator that makes a command of a function and adds it to the group."""

        def decorate(function: Callable[..., Any]) -> click.Command:
            made = command(name, **attrs)(function)
            self.add_command(made)
            return made

        return decorate


def command(name: str | None = None, **attrs: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator that makes a command of a function. See `with_options` for its typed options."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        made: click.Command = click.command(name, cls=SectionedCommand, **attrs)(with_options(function))
        return made

    return decorate


def group(name: str | None = None, **attrs: Any) -> Callable[[Callable[..., Any]], SectionedGroup]:
    """Return a decorator that makes a group of a function."""
    return click.group(name, cls=SectionedGroup, **attrs)


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options of `command` by section: general first, then in the order of their declaration."""
    sections: dict[str, list[tuple[str, str]]] = {GENERAL: []}
    for parameter in command.get_params(ctx):
        record = None if isinstance(parameter, click.Argument) else parameter.get_help_record(ctx)
        if record is not None:
            sections.setdefault(getattr(parameter, "section", GENERAL), []).append(record)
    for name, records in sections.items():
        if records:
            with formatter.section("Options" if len(sections) == 1 else f"{name} options"):
                formatter.write_dl(records)


def _options_of(command: click.Command) -> dict[str, click.Option]:
    return {name: option for option in command.params if isinstance(option, click.Option) for name in option.opts}


json_option = option("--json", "as_json", is_flag=True, help="Write JSON to stdout, for programs.")
dry_run_option = option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
progress_option = option(
    "--progress/--no-progress", default=None, help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
)
force_option = option("--force", is_flag=True, help="Overwrite an existing file.")
