"""The artifact store: a directory, S3, GCS or Azure, content-addressed within a tenant."""

from schema.db.artifacts.artifact_files import GRACE, ArtifactFiles

__all__ = ["GRACE", "ArtifactFiles"]
