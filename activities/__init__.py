"""Effects; every activity goes through the wrapper in `base.py`."""
