"""Composition root of every process, and the command line; nothing imports it."""
