"""Where pictures come from: the plugin gives its own (`request_frame` of the socket driver); here is the screen's."""
