"""What is kept: PostgreSQL tables and content-addressed files, behind small classes that return the bodies of `sightline.api`."""
