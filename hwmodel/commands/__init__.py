"""The commands of ``hwmodel``, one a file: parse, call, print. No heavy imports."""
