"""TMInterface 2: the plugin's protocol over a socket, and its driver."""
