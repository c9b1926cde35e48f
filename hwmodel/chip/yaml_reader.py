"""The YAML of chip files: plain decimal numbers and no key twice."""

from __future__ import annotations

import re
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """YAML with plain decimal numbers: ``1e-3`` is a number, ``010`` is ten."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; refuse a key that appears twice."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' appears twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_FLOAT = r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?"
_INT_TAG, _FLOAT_TAG = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
Loader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] not in (_INT_TAG, _FLOAT_TAG)]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    _INT_TAG, re.compile(r"[-+]?(0|[1-9]\d*)$"), list("-+0123456789")
)
Loader.add_implicit_resolver(
    _FLOAT_TAG,
    re.compile(rf"({_FLOAT}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
    list("-+0123456789."),
)
