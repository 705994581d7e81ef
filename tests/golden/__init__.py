"""Golden curves: the losses of fifty real training steps by each method, kept in small files.

A change of the loop, the loss, the adapters or the optimizer that moves a curve is either meant
(then ``python -m tests.golden`` writes the files again, and the difference is there to review) or
a bug that no single test has seen.
"""
