"""Stages: from inputs and a recipe to files with a manifest, one module for each."""
