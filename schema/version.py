"""The version of the distribution, read by pyproject.toml and printed by `holdfast --version`."""

VERSION = "0.1.0"
