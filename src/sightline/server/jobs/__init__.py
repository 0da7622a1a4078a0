"""Long work that survives restarts: analyses, watched folders, cameras, fetching of models."""
