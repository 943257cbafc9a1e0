"""The board's routes: what is asked, and what is answered."""
