"""Cleaning: what is repaired in a text, what is counted, and what its quality is."""
