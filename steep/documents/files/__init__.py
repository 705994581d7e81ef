"""Files: found where the user named them, opened, inflated, and turned into text."""
