"""The answers of the site: a request in, a response out, no sockets."""
