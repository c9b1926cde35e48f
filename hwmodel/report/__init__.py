"""What a user gets to see: text, JSON, pictures."""
