"""All modules of a run, and which of them an import means.

Nothing is imported and `sys.path` is not asked, so the folders around a file that are no package
stand for it, and `src` in each of them: that is where the launchers of Python code look.
"""

import ast
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from .module import Module, Scope


class CodeBase:
    """All modules below the given paths, and which of them an import means."""

    def __init__(self, modules: list[Module]) -> None:
        self.modules = modules
        self._by_path = {str(module.path): module for module in modules}
        self._found: dict[tuple[str, str], Module | None] = {}
        self._roots: dict[str, list[str]] = {}
        self._names = {part for module in modules for part in module.path.with_suffix("").parts}

    def scopes(self) -> Iterator[Scope]:
        for module in self.modules:
            yield from module.scopes.values()

    def calls(self) -> Iterator[tuple[Scope, ast.Call]]:
        """Yield each call, with the scope in which it stands."""
        for scope in self.scopes():
            for call in scope.calls:
                yield scope, call

    def find(self, dotted: str, importer: Module) -> Module | None:
        """Return the module of an absolute name, as a file of the importer would import it."""
        top = dotted.partition(".")[0]
        if top not in self._names:
            return None
        if (importer.folder, dotted) not in self._found:
            self._found[importer.folder, dotted] = self._search(dotted, importer.folder)
        return self._found[importer.folder, dotted]

    def _search(self, dotted: str, folder: str) -> Module | None:
        relative = dotted.replace(".", "/")
        for root in self._roots_of(folder):
            for path in (f"{root}/{relative}/__init__.py", f"{root}/{relative}.py"):
                if path in self._by_path:
                    return self._by_path[path]
        return None

    def _roots_of(self, folder: str) -> list[str]:
        """List the folders that may be on `sys.path`: those around a file that are no package."""
        if folder not in self._roots:
            around = (Path(folder), *Path(folder).parents)
            plain = [str(each) for each in around if not (each / "__init__.py").exists()]
            self._roots[folder] = [root for each in plain for root in (each, f"{each}/src")]
        return self._roots[folder]

    def prefixes(self, dotted: str, importer: Module) -> Iterator[Module]:
        """Yield the modules that the import of a name executes, packages first."""
        parts = dotted.split(".")
        for count in range(1, len(parts) + 1):
            if module := self.find(".".join(parts[:count]), importer):
                yield module

    @cached_property
    def programs(self) -> dict[Module, frozenset[Module]]:
        """Give each module those that it is connected with by imports, itself included."""
        groups = {module: {module} for module in self.modules}
        for module in self.modules:
            for dotted in module.imported:
                for other in self.prefixes(dotted, module):
                    if groups[other] is not groups[module]:
                        larger, smaller = groups[module], groups[other]
                        if len(larger) < len(smaller):
                            larger, smaller = smaller, larger
                        larger |= smaller
                        for each in smaller:
                            groups[each] = larger
        frozen = {id(group): frozenset(group) for group in groups.values()}
        return {module: frozen[id(group)] for module, group in groups.items()}
