"""Importers: golden outputs made with TensorFlow and dlib, and the time of a net beside its plain conversion."""
