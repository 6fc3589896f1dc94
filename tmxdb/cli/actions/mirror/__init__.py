"""What the commands of the group Mirror do."""
