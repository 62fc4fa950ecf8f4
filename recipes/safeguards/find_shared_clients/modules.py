"""The code base as modules: what each name is bound to, and where each import leads."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

ScopeNode = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMMENT = re.compile(r"#\s*shared-client:\s*ignore(?:\[(?P<rules>[^\]]*)\])?")

Kind = Literal["value", "element", "entered", "annotation", "import", "definition"]


@dataclass(frozen=True)
class Spot:
    """A place in the code."""

    module: "Module"
    node: ast.AST


@dataclass(frozen=True, eq=False)
class Binding:
    """One way in which a name gets its value: `kind` says what `node` is to it.

    An `element` is an item of the node, `entered` is what a `with` statement gives.
    `scope` is where the node is evaluated, which for a `global` is not where the name lives.
    """

    kind: Kind
    node: ast.AST
    scope: "Scope"
    dotted: str = ""


@dataclass(eq=False)
class Scope:
    """A module, class, function or lambda: its names, and what it holds."""

    node: ScopeNode
    module: "Module"
    parent: "Scope | None" = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    attributes: dict[str, list[Binding]] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    returned: list[ast.expr] = field(default_factory=list)
    yielded: list[ast.expr] = field(default_factory=list)
    reads: list[ast.Name] = field(default_factory=list)
    calls: list[ast.Call] = field(default_factory=list)

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "lambda")

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, FUNCTIONS)

    @property
    def owner(self) -> "Scope | None":
        """The class whose method this is."""
        parent = self.parent if self.is_function else None
        return parent if parent and isinstance(parent.node, ast.ClassDef) else None

    @property
    def decorators(self) -> list[ast.expr]:
        return getattr(self.node, "decorator_list", [])

    @property
    def body(self) -> list[ast.stmt]:
        if isinstance(self.node, ast.Lambda):
            return [ast.Expr(self.node.body)]
        return self.node.body

    @property
    def first_parameter(self) -> str | None:
        if isinstance(self.node, ast.Module | ast.ClassDef):
            return None
        arguments = [*self.node.args.posonlyargs, *self.node.args.args]
        return arguments[0].arg if arguments else None

    def lookup(self, name: str) -> "tuple[Scope, list[Binding]] | None":
        """Find a name as Python does: here, in enclosing functions, in the module."""
        scope: Scope | None = self.module.scope if name in self.globals else self
        while scope:
            visible = scope is self or not isinstance(scope.node, ast.ClassDef)
            if visible and name in scope.bindings:
                return scope, scope.bindings[name]
            scope = scope.parent
        return None


@dataclass(eq=False)
class Module:
    """One file, parsed."""

    path: Path
    shown: str
    text: bytes
    tree: ast.Module
    name: str = ""
    scopes: dict[ast.AST, Scope] = field(default_factory=dict)
    imported: list[str] = field(default_factory=list)
    stars: list[str] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        return self.scopes[self.tree]

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @cached_property
    def folder(self) -> str:
        return str(self.path.parent)

    @cached_property
    def lines(self) -> list[str]:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(self.text).readline)
        return io.TextIOWrapper(io.BytesIO(self.text), encoding).read().splitlines()

    def column(self, line: int, offset: int) -> int:
        """Turn an offset in UTF-8 bytes, which `ast` counts in, into a column that starts at 1."""
        return len(self.lines[line - 1].encode()[:offset].decode(errors="ignore")) + 1

    def suppressions(self) -> "Iterator[tuple[int, int, list[str]]]":
        """Yield line, column and rules of each suppressing comment; no rules means all."""
        if b"shared-client:" not in self.text:
            return
        for token in tokenize.tokenize(io.BytesIO(self.text).readline):
            if token.type == tokenize.COMMENT and (found := COMMENT.search(token.string)):
                rules = [rule.strip() for rule in (found["rules"] or "").split(",")]
                yield token.start[0], token.start[1] + 1, [rule for rule in rules if rule]

    def absolute(self, dotted: str, level: int) -> str:
        """Return the absolute name of a relative import."""
        if not level:
            return dotted
        parts = self.name.split(".")
        parts = parts[: len(parts) - level + self.is_package]
        return ".".join([*parts, dotted] if dotted else parts)


def parse(path: Path, shown: str) -> Module:
    """Read and parse a file.

    Raises SyntaxError, and ValueError or OSError where the file is no text.
    """
    text = path.read_bytes()
    module = Module(path, shown, text, ast.parse(text))
    module.name = name_of(path)
    _Reader(module)
    return module


def name_of(path: Path) -> str:
    """Return the dotted name by which the packages around a file call it."""
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


class _Reader:
    """Fills the scopes of a module in one pass over its tree."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.enter(module.tree, None)

    def enter(self, node: ScopeNode, parent: Scope | None) -> None:
        scope = Scope(node, self.module, parent)
        self.module.scopes[node] = scope
        if isinstance(node, FUNCTIONS):
            self.parameters(node.args, scope)
        if isinstance(node, ast.Lambda):
            scope.returned.append(node.body)
            self.visit(node.body, scope)
            return
        # a name may be declared global after a nested block, so declarations are read first
        for statement in node.body:
            self.declarations(statement, scope)
        for statement in node.body:
            self.visit(statement, scope)

    def declarations(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Global):
            scope.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.nonlocals.update(node.names)
        elif isinstance(node, ast.stmt) and not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                    self.declarations(child, scope)
        elif isinstance(node, ast.ExceptHandler | ast.match_case):
            for statement in node.body:
                self.declarations(statement, scope)

    def parameters(self, arguments: ast.arguments, scope: Scope) -> None:
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for argument in every:
            scope.bindings.setdefault(argument.arg, [])
            if argument.annotation:
                self.add(argument.arg, "annotation", argument.annotation, scope)
        for rest in (arguments.vararg, arguments.kwarg):
            if rest:
                scope.bindings.setdefault(rest.arg, [])
        positional = [*arguments.posonlyargs, *arguments.args]
        with_default = positional[len(positional) - len(arguments.defaults) :]
        pairs = [*zip(with_default, arguments.defaults, strict=True)]
        pairs += [
            (argument, default)
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default
        ]
        for argument, default in pairs:  # a default is evaluated where the function is defined
            assert scope.parent
            binding = Binding("value", default, scope.parent)
            scope.bindings[argument.arg].append(binding)

    def add(self, name: str, kind: Kind, node: ast.AST, scope: Scope, dotted: str = "") -> None:
        home = scope
        if name in scope.globals:
            home = self.module.scope
        elif name in scope.nonlocals:
            found = scope.parent.lookup(name) if scope.parent else None
            home = found[0] if found else scope
        home.bindings.setdefault(name, []).append(Binding(kind, node, scope, dotted))

    def bind(self, target: ast.expr, kind: Kind, value: ast.expr, scope: Scope) -> None:
        """Bind what a target names to a value, item by item where both are written out."""
        match target:
            case ast.Name(id=name):
                self.add(name, kind, value, scope)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values: list[ast.expr] = []
                if kind == "value" and isinstance(value, ast.Tuple | ast.List):
                    values = value.elts
                starred = any(isinstance(each, ast.Starred) for each in [*targets, *values])
                if values and len(values) == len(targets) and not starred:
                    for each, item in zip(targets, values, strict=True):
                        self.bind(each, kind, item, scope)
                else:
                    for each in targets:
                        self.bind(each, "element", value, scope)
            case ast.Starred(value=inner):
                self.bind(inner, "value", value, scope)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                if scope.owner and name == scope.first_parameter:
                    binding = Binding(kind, value, scope)
                    scope.owner.attributes.setdefault(attribute, []).append(binding)
            case ast.Subscript(value=ast.Name(id=name)) if kind == "value":
                container = ast.copy_location(ast.List([value], ast.Load()), value)
                self.add(name, "value", container, scope)

    def visit(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Name(ctx=ast.Load()):
                scope.reads.append(node)
                return
            case ast.Constant() | ast.expr_context():
                return
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                if not isinstance(node, ast.Lambda):
                    self.add(node.name, "definition", node, scope)
                    for decorator in node.decorator_list:
                        self.visit(decorator, scope)
                for default in (*node.args.defaults, *node.args.kw_defaults):
                    if default:
                        self.visit(default, scope)
                self.enter(node, scope)
                return
            case ast.ClassDef():
                self.add(node.name, "definition", node, scope)
                for part in (*node.decorator_list, *node.bases, *node.keywords):
                    self.visit(part, scope)
                self.enter(node, scope)
                return
            case ast.Import():
                for alias in node.names:
                    self.module.imported.append(alias.name)
                    name = alias.asname or alias.name.partition(".")[0]
                    self.add(name, "import", node, scope, alias.name if alias.asname else name)
                return
            case ast.ImportFrom():
                source = self.module.absolute(node.module or "", node.level)
                self.module.imported.append(source)
                for alias in node.names:
                    if alias.name == "*":
                        self.module.stars.append(source)
                        continue
                    dotted = f"{source}.{alias.name}"
                    self.module.imported.append(dotted)
                    self.add(alias.asname or alias.name, "import", node, scope, dotted)
                return
            case ast.Call():
                scope.calls.append(node)
            case ast.Assign():
                for target in node.targets:
                    self.bind(target, "value", node.value, scope)
            case ast.AnnAssign():
                kind: Kind = "value" if node.value else "annotation"
                self.bind(node.target, kind, node.value or node.annotation, scope)
                if node.value:
                    self.visit(node.value, scope)
                return
            case ast.NamedExpr():
                self.bind(node.target, "value", node.value, scope)
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                self.bind(node.target, "element", node.iter, scope)
            case ast.withitem(optional_vars=ast.expr() as target):
                self.bind(target, "entered", node.context_expr, scope)
            case ast.Return(value=ast.expr() as value):
                scope.returned.append(value)
            case ast.Yield(value=ast.expr() as value):
                scope.yielded.append(value)
        for child in ast.iter_child_nodes(node):
            self.visit(child, scope)


class CodeBase:
    """All modules below the given paths, and which of them an import means."""

    def __init__(self, modules: list[Module]) -> None:
        self.modules = modules
        self._by_path = {str(module.path): module for module in modules}
        self._found: dict[tuple[str, str], Module | None] = {}
        self._roots: dict[str, list[str]] = {}
        self._names = {part for module in modules for part in module.path.with_suffix("").parts}

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
