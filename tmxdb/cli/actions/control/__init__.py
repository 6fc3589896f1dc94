"""What the commands of the group Control do."""
