"""HTTP with limits: settings from the environment, and transfers with libcurl that use them."""
