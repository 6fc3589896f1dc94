"""A small HTTP server that can also send responses incorrectly on request."""
