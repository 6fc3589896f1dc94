"""What tmxdb adds to Click: typed option groups, help in sections, suggestions, settings from the environment."""
