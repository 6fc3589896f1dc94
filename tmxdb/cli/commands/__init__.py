"""The commands, one file each, in the groups of `tmxdb --help`.

`tmxdb CMD --help` and the completion of a command's options import its module, so a module here only declares: at its
top it imports Click, the framework, options, and modules that import no library besides. What else a command needs is
imported in the function that uses it, and for annotations under TYPE_CHECKING. A command whose body is long imports
that from `cli/actions/`. SQLAlchemy alone takes 0.25 s, which no help has to wait for.
`tests/cli/test_startup.py` checks all commands.
"""
