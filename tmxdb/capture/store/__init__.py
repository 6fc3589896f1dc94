"""The pictures of a capture in one file: a tar that WebDataset reads, or a video."""
