"""Value types, boxes, geometry, colour and errors. Needs numpy alone."""
