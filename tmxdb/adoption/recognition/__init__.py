"""What a file is: read it, find its track, find it on the leaderboard."""
