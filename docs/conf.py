"""Sphinx configuration."""

import re
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from eventsim import __version__

project = "eventsim and hwmodel"
author = "The eventsim developers"
copyright = "2026, The eventsim developers"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "command_reference",
    "config_reference",
]
exclude_patterns = ["_build", "README.md"]
templates_path = ["_templates"]

smartquotes = False

html_theme = "furo"
html_title = f"eventsim and hwmodel {__version__}"

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # types, shapes and units are in the docstrings
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False

# Bases and fields that belong to other projects.
nitpick_ignore_regex = [
    ("py:.*", r"(numpy|np|collections|pathlib|types|enum|typing)\..*"),
]

# autosummary looks at imported functions too, and numpydoc dislikes theirs.
warnings.filterwarnings("ignore", "Unknown section", module="numpydoc")

# A reference list at the head of a module may hold what its functions cite.


def escape_stars(app, what, name, obj, options, lines):
    """Show ``(batch, *input shape)`` as it stands; a star would open emphasis."""
    for k, line in enumerate(lines):
        if "ndarray" in line:
            lines[k] = re.sub(r"(?<=[ (])\*(?=\w)", r"\\*", line)


def setup(app):
    """Register the rule above, before numpydoc reads the docstring."""
    app.connect("autodoc-process-docstring", escape_stars, priority=100)
