"""Report: the run as a page people can read."""
