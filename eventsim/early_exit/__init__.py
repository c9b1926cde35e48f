"""Early exit: stop a run when the answer is good enough, and count what that saves."""
