"""Shapes and pure functions of them; imports nothing of the other packages."""
