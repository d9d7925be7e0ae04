"""Library: what reaches the outside world on behalf of an author. It knows nothing of Temporal."""
