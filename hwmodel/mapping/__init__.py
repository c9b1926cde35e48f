"""Where neurons live: groups of neurons, cores on the mesh, what silicon can hold."""
