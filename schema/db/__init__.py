"""Records: rows, the event log and the artifact store; the only package that imports SQLAlchemy."""
