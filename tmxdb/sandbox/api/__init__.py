"""The site's answers: a request in, a response out, no sockets."""
