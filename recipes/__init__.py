"""Training runs: Python functions that return a configuration or a result, reproducible from public data."""
