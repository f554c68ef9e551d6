"""Operations that reach data and corners, made of generated documents.

What hypothesis-graphql draws from the schema gives the shape; it knows no ids, and uses neither fragments nor variables. A
``Variation`` gives arguments that find something, lets selections grow, and writes them in other ways: variables with and
without defaults, aliases, fields asked for twice, inline and named fragments, ``@skip`` and ``@include``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_leaf_type,
    is_required_argument,
    parse_type,
    print_ast,
    value_from_ast_untyped,
)

from tests.execution.generated_values import Values, World

DEEPEST = 12
MOST_ALIASES = 25
MOST_DIRECTIVES = 15
WRONG: tuple[Any, ...] = (None, "text", 1.5, 2**40, True, [], {"a": 1}, [[None]])

Composite = GraphQLObjectType | GraphQLInterfaceType
Path = tuple[str, ...]


@dataclass(frozen=True)
class Generated:
    text: str
    variables: dict[str, Any]


class Variation:
    """One operation in the making."""

    def __init__(self, schema: GraphQLSchema, world: World, seed: int) -> None:
        self._schema = schema
        self._random = Random(seed)
        self._values = Values(world, self._random)
        self._fragments: list[FragmentDefinitionNode] = []
        self._definitions: dict[str, VariableDefinitionNode] = {}
        self._variables: dict[str, Any] = {}
        # Fields of the same name at the same place have to have the same arguments, and the same type.
        self._arguments: dict[tuple[Path, str, str], tuple[ArgumentNode, ...]] = {}
        self._types: dict[tuple[Path, str], str] = {}
        self._aliases = 0
        self._directives = 0

    def of(self, documents: Sequence[DocumentNode]) -> Generated:
        """An operation that asks for what all the documents ask for, and more."""
        selections = [
            selection
            for document in documents
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
            for selection in definition.selection_set.selections
        ]
        query_type = self._schema.query_type
        assert query_type is not None
        selection_set = self._selection_set(selections, query_type, ())
        operation = OperationDefinitionNode(
            operation=OperationType.QUERY,
            name=NameNode(value="Generated") if self._chance(0.5) or self._definitions else None,
            variable_definitions=tuple(self._definitions.values()),
            directives=(),
            selection_set=selection_set,
        )
        definitions = [operation, *self._fragments]
        self._random.shuffle(definitions)
        return Generated(print_ast(DocumentNode(definitions=tuple(definitions))), self._variables)

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _selection_set(self, drawn: Sequence[SelectionNode], parent: Composite, path: Path) -> SelectionSetNode:
        nodes: list[SelectionNode] = []
        for selection in [*drawn, *self._grown(parent, path, at_least=0 if drawn else 1)]:
            if isinstance(selection, FieldNode):
                nodes.append(self._field(selection, parent, path))
            elif isinstance(selection, InlineFragmentNode):
                assert selection.type_condition is not None
                type_: Any = self._schema.type_map[selection.type_condition.name.value]
                inside = self._selection_set(selection.selection_set.selections, type_, path)
                nodes.append(self._inline(inside, type_.name))
        if not nodes or self._chance(0.2):
            alias = self._new_alias() if self._chance(0.3) else None
            nodes.append(FieldNode(name=NameNode(value="__typename"), alias=alias, arguments=(), directives=()))
        if self._chance(0.2):
            nodes.append(self._again(self._random.choice(nodes), parent, path))
        if self._chance(0.25):
            self._random.shuffle(nodes)
        if self._chance(0.2):
            self._wrap(nodes, parent)
        return SelectionSetNode(selections=tuple(map(self._conditional, nodes)))

    def _grown(self, parent: Composite, path: Path, at_least: int) -> list[FieldNode]:
        """More fields of the type, leaves above all."""
        if not path or len(path) > DEEPEST:
            return []
        leaves = [name for name, field in parent.fields.items() if is_leaf_type(get_named_type(field.type))]
        names = [
            name for name in parent.fields if self._chance(0.15 if name in leaves else min(0.3, 1 / len(path) ** 2))
        ]
        if len(names) < at_least and self._chance(0.95):
            names.append(self._random.choice(leaves or list(parent.fields)))
        return [FieldNode(name=NameNode(value=name), arguments=(), directives=()) for name in names]

    def _field(self, node: FieldNode, parent: Composite, path: Path) -> FieldNode:
        name = node.name.value
        field = parent.fields[name]
        named = get_named_type(field.type)
        alias = node.alias
        key = alias.value if alias else name
        if self._types.setdefault((path, key), str(field.type)) != str(field.type) or self._chance(0.06):
            alias = self._new_alias() or alias
            key = alias.value if alias else key
        place = (path, key, parent.name)
        if place not in self._arguments:
            drawn = {each.name.value: each.value for each in node.arguments or ()}
            self._arguments[place] = self._given(field.args, drawn, name)
        return FieldNode(
            name=node.name,
            alias=alias,
            arguments=self._arguments[place],
            directives=(),
            selection_set=self._selection_set(
                node.selection_set.selections if node.selection_set else (), named, (*path, key)
            )
            if is_composite_type(named)
            else None,
        )

    def _again(self, node: SelectionNode, parent: Composite, path: Path) -> SelectionNode:
        """The same field once more, of which something else is asked."""
        if not isinstance(node, FieldNode) or node.selection_set is None:
            return node
        key = (node.alias or node.name).value
        type_: Any = get_named_type(parent.fields[node.name.value].type)
        return FieldNode(
            name=node.name,
            alias=node.alias,
            arguments=node.arguments,
            directives=(),
            selection_set=self._selection_set((), type_, (*path, key)),
        )

    def _wrap(self, nodes: list[SelectionNode], parent: Composite) -> None:
        """Puts some of the selections into a fragment, perhaps twice."""
        start = self._random.randrange(len(nodes))
        end = self._random.randint(start + 1, len(nodes))
        inside = SelectionSetNode(selections=tuple(nodes[start:end]))
        if self._chance(0.5):
            name = f"F{len(self._fragments)}"
            self._fragments.append(
                FragmentDefinitionNode(
                    name=NameNode(value=name),
                    variable_definitions=(),
                    type_condition=NamedTypeNode(name=NameNode(value=parent.name)),
                    directives=(),
                    selection_set=inside,
                )
            )
            spread = FragmentSpreadNode(name=NameNode(value=name), directives=(), arguments=())
            nodes[start:end] = [spread] * (2 if self._chance(0.2) else 1)
        else:
            over_interface = isinstance(parent, GraphQLObjectType) and parent.interfaces and self._chance(0.3)
            wrapped = self._inline(inside, parent.name if over_interface or self._chance(0.7) else None)
            if over_interface:
                wrapped = self._inline(SelectionSetNode(selections=(wrapped,)), parent.interfaces[0].name)
            nodes[start:end] = [wrapped]

    @staticmethod
    def _inline(inside: SelectionSetNode, type_name: str | None) -> InlineFragmentNode:
        condition = NamedTypeNode(name=NameNode(value=type_name)) if type_name else None
        return InlineFragmentNode(type_condition=condition, directives=(), selection_set=inside)

    def _conditional(self, node: SelectionNode) -> SelectionNode:
        if self._directives >= MOST_DIRECTIVES or not self._chance(0.06):
            return node
        self._directives += 1
        # More is left in than left out.
        name, is_met = self._random.choice((("include", True), ("include", True), ("skip", False), ("skip", True)))
        condition: ValueNode = BooleanValueNode(value=is_met)
        if self._chance(0.6):
            condition = self._variable(GraphQLNonNull(self._schema.type_map["Boolean"]), condition, name, is_met)  # type: ignore[type-var]
        directive = DirectiveNode(
            name=NameNode(value=name), arguments=(ArgumentNode(name=NameNode(value="if"), value=condition),)
        )
        parts = {key: getattr(node, key) for key in node.keys if key not in ("loc", "directives")}
        return type(node)(**parts, directives=(directive,))

    def _given(
        self, arguments: dict[str, GraphQLArgument], drawn: dict[str, ValueNode], owner: str
    ) -> tuple[ArgumentNode, ...]:
        given = []
        for name, argument in arguments.items():
            if not is_required_argument(argument) and not self._values.is_given(name):
                continue
            if name in drawn and is_leaf_type(get_named_type(argument.type)) and self._chance(0.08):
                value = drawn[name]
            else:
                value = self._values.value(argument.type, name, owner)
            if self._chance(0.2):
                value = self._variable(argument.type, value, name, has_default=argument.default_value is not Undefined)
            given.append(ArgumentNode(name=NameNode(value=name), value=value))
        self._random.shuffle(given)
        return tuple(given)

    def _variable(self, type_: Any, value: ValueNode, name: str, has_default: bool) -> ValueNode:
        """A variable in the place of a value."""
        nullable = not isinstance(type_, GraphQLNonNull)
        bare = str(type_).removesuffix("!")
        json = value_from_ast_untyped(value)
        kind = self._random.choice(
            ("as it is", "as it is", "never null", "default", "default", "again", "absent", "wrong")
        )
        if kind == "again":
            for known, definition in self._definitions.items():
                if known.startswith(f"{name}_") and print_ast(definition.type) == str(type_):
                    return VariableNode(name=NameNode(value=known))
        variable = f"{name}_{len(self._definitions)}"
        written, default = str(type_), None
        self._variables[variable] = json
        if kind == "never null" and json is not None:
            written = f"{bare}!"
        elif kind == "default" and json is not None:
            written, default = bare, value
            if self._chance(0.5):
                del self._variables[variable]
            elif self._chance(0.2):
                self._variables[variable] = None
        elif kind == "absent" and nullable:
            del self._variables[variable]
        elif kind == "wrong" and self._chance(0.2):
            self._variables[variable] = self._random.choice(WRONG)
        self._definitions[variable] = VariableDefinitionNode(
            variable=VariableNode(name=NameNode(value=variable)),
            type=parse_type(written),
            default_value=default,
            directives=(),
        )
        return VariableNode(name=NameNode(value=variable))

    def _new_alias(self) -> NameNode | None:
        if self._aliases >= MOST_ALIASES:
            return None
        self._aliases += 1
        return NameNode(value=f"a{self._aliases}")
