"""One file for each kind of page: a request in, a rendered template out."""
