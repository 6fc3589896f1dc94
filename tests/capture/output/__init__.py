"""What a capture writes."""
