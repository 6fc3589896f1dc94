"""HTTP by hand: requests parsed, responses sent rightly or, on request, wrongly."""
