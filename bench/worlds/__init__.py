"""Worlds to measure on that no default was chosen with."""
