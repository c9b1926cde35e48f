"""Small files in the format of CIFAR, written one byte after the other."""

import io
import tarfile

import numpy as np

SIDE = 32


def random_images(n, seed):
    """Return n colour images, uint8 of shape (n, 32, 32, 3)."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)


def record(labels, image):
    """Return label bytes, then all red pixels, all green and all blue, by rows."""
    pixels = [
        int(image[row, column, channel])
        for channel in range(3)
        for row in range(SIDE)
        for column in range(SIDE)
    ]
    return bytes([*labels, *pixels])


def as_archive(members):
    """Return a .tar.gz of files, by name; a value None makes a folder."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()
