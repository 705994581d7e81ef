"""Automatic probes: questions with known answers, made from any documents by rule.

values (what can be asked for) → facts (a value and the words that point to it) → questions (in
words the training text doesn't use) → choices (other values of the same kind) → screening (what
the base model knows already, or can guess, proves nothing).
"""
