"""Decoding and encoding of pictures, videos and cameras, resampling, and drawing on pictures."""
