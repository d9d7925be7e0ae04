"""How programs and the worker name the parts of a result."""

INPUT = "input:"
"""Before the name of an input that the worker could not look into and wants to see."""
OUTPUT = "output:"
"""Before the name of an output."""
