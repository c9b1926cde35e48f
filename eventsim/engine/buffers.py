"""Arrays that are used again from one batch to the next."""

from __future__ import annotations

import numpy as np


class Buffers:
    """Hand out uninitialised arrays by name and keep them for the next batch.

    A training step needs the same large arrays every time; asking the operating
    system for fresh pages each time costs more than some of the kernels. An array
    is valid until the same name is asked for again.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def get(
        self, name: str, shape: tuple[int, ...], dtype: np.typing.DTypeLike
    ) -> np.ndarray:
        """Return a C-contiguous array; its content is whatever was there before.

        Parameters
        ----------
        name : str
            Key; a shorter first axis reuses the front of a longer array.
        shape : tuple of int
            Shape of the array.
        dtype : dtype
            Type of the array.

        Returns
        -------
        ndarray, shape `shape`
            Uninitialised.
        """
        kept = self._arrays.get(name)
        if (
            kept is None
            or kept.dtype != dtype
            or kept.shape[1:] != shape[1:]
            or kept.shape[0] < shape[0]
        ):
            kept = np.empty(shape, dtype)
            self._arrays[name] = kept
        return kept[: shape[0]]
