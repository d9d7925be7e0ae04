"""Translates between clients and runs; takes no business decisions."""
