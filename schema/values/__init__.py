"""Typed values of a run: segments, files, references, and what is rendered or decided from them."""
