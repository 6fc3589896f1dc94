"""What the commands of the group Maintain do."""
