"""Untrusted code and templates, run in children of a fork server under limits (architecture 10)."""
