"""Proof: score, ask, compare, judge."""
