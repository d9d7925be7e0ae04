"""Deterministic code: decides what a run does next."""
