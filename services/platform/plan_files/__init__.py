"""How the files of a plan folder are read, and what is checked in them."""
