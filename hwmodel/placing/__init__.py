"""Search for good places: orders of the mesh, spectral embedding, annealing."""
