"""Window engine: dynamic thresholds, whole layers as matrix products."""
