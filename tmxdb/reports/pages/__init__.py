"""What `tmxdb track`, `driver`, `top` and `errors` show: each page is one value, for text and JSON."""
