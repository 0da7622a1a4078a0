"""Records as files that other programs read: Parquet and COCO JSON."""
