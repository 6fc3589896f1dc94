"""A race from its countdown to the finish: which frames are due, how they are labelled, and how fast to drive."""
