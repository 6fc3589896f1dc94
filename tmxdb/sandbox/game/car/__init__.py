"""The car: what is pressed at each tick, which recorded run that is, where the car is then, and its bytes."""
