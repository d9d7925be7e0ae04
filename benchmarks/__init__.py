"""What runs cost beside a hand-written Temporal workflow: `make bench`, read in README.md."""
