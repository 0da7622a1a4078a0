"""Routes, one module for each thing. Each names the right that it needs."""
