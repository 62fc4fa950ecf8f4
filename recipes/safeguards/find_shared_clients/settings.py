"""Settings, from `[tool.find-shared-clients]` of `pyproject.toml` and the command line.

What is misspelt is an error: a rule that is silently not there would be taken for a clean result.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .rules import RULES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

START_METHODS = ("fork", "forkserver", "spawn")


class SettingsError(ValueError):
    """A setting that is not understood, said in one line."""


@dataclass(frozen=True)
class Settings:
    """What is checked, and how.

    `start_method` is that of workers where the code does not choose one. `clients` are full names
    of further classes and functions that give a client.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    start_method: str = "fork"

    def __post_init__(self) -> None:
        unknown = sorted({*self.select, *self.ignore} - {*RULES})
        if unknown:
            raise SettingsError(f"no such rule: {', '.join(unknown)}; there are {', '.join(RULES)}")
        if self.start_method not in START_METHODS:
            raise SettingsError(
                f"start-method is {self.start_method!r}, not one of {', '.join(START_METHODS)}"
            )

    @property
    def rules(self) -> frozenset[str]:
        """The rules that are on."""
        return frozenset(self.select or RULES) - {*self.ignore}

    def with_options(self, **options: Iterable[str] | str) -> "Settings":
        """Put what was given on the command line in the place of what the file says.

        What is ignored or excluded comes on top.
        """
        given: dict[str, Any] = {name: value for name, value in options.items() if value}
        for name in ("ignore", "exclude"):
            given[name] = (*getattr(self, name), *given.get(name, ()))
        return replace(self, **given)


def read_settings(folder: Path) -> Settings:
    """Read the settings of the nearest `pyproject.toml` that has some, from a folder upwards."""
    for each in (folder, *folder.parents):
        path = each / "pyproject.toml"
        if path.is_file():
            try:
                table = tomllib.loads(path.read_text("utf-8")).get("tool", {})
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise SettingsError(f"{path}: {error}") from None
            if "find-shared-clients" in table:
                return settings_of(path, table["find-shared-clients"])
    return Settings()


def settings_of(path: Path, table: dict[str, Any]) -> Settings:
    """Check the types of a table, and make settings of it."""
    kinds = {field.name.replace("_", "-"): field.type for field in fields(Settings)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in kinds:
            raise SettingsError(f"{path}: no setting {key}; there are {', '.join(kinds)}")
        listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if not (isinstance(value, str) if key == "start-method" else listed):
            wanted = "a string" if key == "start-method" else "a list of strings"
            raise SettingsError(f"{path}: {key} must be {wanted}")
        values[key.replace("-", "_")] = value if isinstance(value, str) else tuple(value)
    try:
        return Settings(**values)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None
