"""Options of one command each, apart from it because what the command does reads them too."""
