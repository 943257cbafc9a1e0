"""Downloads: what the API answers, as a sheet for people."""
