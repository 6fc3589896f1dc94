"""A race from the connection to the countdown: to the menus, to the map, and to the loaded script."""
