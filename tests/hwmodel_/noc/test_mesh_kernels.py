from __future__ import annotations

import ast
from pathlib import Path

import hwmodel


def test_kernels__call_no_kernels_of_other_files():
    # Numba keeps machine code until the file of the kernel itself changes.
    for path in Path(hwmodel.__path__[0]).rglob("*_kernels.py"):
        imported = {
            node.module
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom)
        }
        assert imported <= {"__future__", "typing", "eventsim.jit"}
