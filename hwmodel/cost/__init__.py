"""What actions cost: joules and seconds."""
