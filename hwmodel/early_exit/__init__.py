"""Early exit on chips: what a run costs up to any time, and when it can be stopped."""
