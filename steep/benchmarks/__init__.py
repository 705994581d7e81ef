"""Benchmarks: lm-eval's tasks over the hub's data or local files, asked through steep's scorer."""
