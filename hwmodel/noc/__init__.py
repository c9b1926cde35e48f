"""Packets that meet in the mesh: an event simulation, and a fast estimate beside it."""
