"""What happens on the chip: routes of spikes, and exact counts of actions."""
