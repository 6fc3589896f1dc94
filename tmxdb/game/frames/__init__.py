"""Pictures grabbed from the screen, for games that send none. The plugin's own pictures come with its driver."""
