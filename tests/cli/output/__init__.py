"""What is written to terminals, pipes and files."""
