"""Receptive fields of a convolution as rows of a matrix, and back."""

from __future__ import annotations

from eventsim.jit import jit


@jit(inline=True)
def copy_padded(source, padding, padded):
    """Copy a map into the middle of a larger one; the border stays as it is."""
    height, width, channels = source.shape
    run = width * channels
    for y in range(height):
        row = source[y].ravel()
        target = padded[y + padding].ravel()[padding * channels :]
        for k in range(run):
            target[k] = row[k]


@jit(inline=True)
def gather_fields(padded, width, channels, kernel, stride, out_shape, fields):
    """Copy the receptive field of every output position into a row of `fields`."""
    run = kernel[1] * channels
    to = 0
    for y in range(out_shape[0]):
        for x in range(out_shape[1]):
            for ky in range(kernel[0]):
                origin = ((y * stride + ky) * width + x * stride) * channels
                source = padded[origin : origin + run]
                target = fields[to : to + run]
                for k in range(run):
                    target[k] = source[k]
                to += run


@jit(inline=True)
def scatter_fields(fields, width, channels, kernel, stride, out_shape, padded):
    """Add every row of `fields` back to the places `gather_fields` read."""
    run = kernel[1] * channels
    origin = 0
    for y in range(out_shape[0]):
        for x in range(out_shape[1]):
            for ky in range(kernel[0]):
                to = ((y * stride + ky) * width + x * stride) * channels
                source = fields[origin : origin + run]
                target = padded[to : to + run]
                for k in range(run):
                    target[k] += source[k]
                origin += run
