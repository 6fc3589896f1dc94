"""How rows are written: tables for people, formats for programs, and what a terminal can show."""
