"""The directive `config-reference`: tables of the YAML schemas, read from pydantic."""

from __future__ import annotations

import types
import typing
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from eventsim.config.schema import Config
from eventsim.config.section import tag_of
from eventsim.config.study_schema import StudyConfig

RULES = {"Ge": "≥ {.ge}", "Gt": "> {.gt}", "Le": "≤ {.le}", "Lt": "< {.lt}"}
NAMES = {"int": "integer", "float": "number", "str": "text", "bool": "true or false"}


def sections(model: type[BaseModel], path: str = "") -> list[tuple[str, Any]]:
    """Return every section of the schema with its dotted path, depth first."""
    found = [(path, model)]
    for name, field in model.model_fields.items():
        below = f"{path}.{name}" if path else name
        parts = _models(field.annotation)
        for part in parts:
            suffix = " ({}: {})".format(*tag_of(part)) if len(parts) > 1 else ""
            found += sections(part, below + suffix)
    return found


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the sections that a field can hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for a in typing.get_args(annotation) for m in _models(a)]


def type_text(annotation: Any, rules: list[Any]) -> str:
    """Write a field's type and limits for people."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_text(arguments[0], [*rules, *arguments[1:]])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_text(a, rules) for a in arguments))
    if annotation is type(None):
        return "`null`"
    if origin is list:
        return f"list of {type_text(arguments[0], [])}"
    if origin is dict:
        return f"mapping of names to {type_text(arguments[1], [])}"
    if annotation is Any:
        return "any value"
    if _models(annotation):
        return "section"
    limits = [
        RULES[type(r).__name__].format(r) for r in rules if type(r).__name__ in RULES
    ]
    return " ".join([NAMES[annotation.__name__], ", ".join(limits)]).strip()


def default_text(field: FieldInfo) -> str:
    """Write a field's default as it would stand in YAML."""
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined:
        made = field.get_default(call_default_factory=True)
        return "see below" if isinstance(made, BaseModel) else f"`{made}`"
    value = field.default
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else "empty"


def rows(model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """Return key, type, default and meaning of each field of a section."""
    table = []
    for name, field in model.model_fields.items():
        kind = type_text(field.annotation, list(field.metadata))
        meaning = field.description or ""
        if not meaning and _models(field.annotation):
            meaning = (_models(field.annotation)[0].__doc__ or "").strip()
        if name == "type":
            meaning = "Kind of layer."
        table.append((f"`{name}`", kind, default_text(field), meaning))
    return table


class ConfigReference(Directive):
    """Write one table for each section of a configuration, or of a ``study``."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return one section of the page for each section of the file."""
        if self.arguments == ["study"]:
            found = [(f"study {p}".strip(), m) for p, m in sections(StudyConfig)]
        else:
            found = sections(Config)
        return [self._section(path, model) for path, model in found]

    def _section(self, path: str, model: type[BaseModel]) -> nodes.section:
        title = path or "top level"
        section = nodes.section(ids=[nodes.make_id(title)], names=[title])
        section += nodes.title(text=title)
        lines = [(model.__doc__ or "").strip().splitlines()[0], ""]
        table = [("key", "type", "default", "meaning"), ("---",) * 4, *rows(model)]
        lines += [f"| {' | '.join(row)} |" for row in table]
        source = "eventsim/config/schema.py"
        self.state.nested_parse(StringList(lines, source), 0, section)
        return section


def setup(app: Any) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("config-reference", ConfigReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
