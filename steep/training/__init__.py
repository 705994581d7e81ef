"""Training: the one loop, its loss, schedule and checkpoints."""
