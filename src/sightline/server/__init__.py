"""The server: routes, rights, live streams and jobs over the store."""
