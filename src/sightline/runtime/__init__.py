"""Runs nets: sessions, model cards, weights (fetch, verify) and importers."""
