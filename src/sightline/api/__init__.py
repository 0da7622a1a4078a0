"""What the API says: the bodies of requests and answers, as pydantic models.

One definition for all: the server's routes declare them, `sightline.client` returns them, OpenAPI is generated from them and
the console's TypeScript types from that. Nothing here reaches a database or a net.
"""
