"""First-spike sweep: relpsp neurons that fire once, at either threshold."""
