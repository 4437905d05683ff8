"""From an image to users: colours, traffic, observation, the way back."""
