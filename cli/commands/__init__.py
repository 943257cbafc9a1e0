"""What `minmai` offers. What a command does is imported when it runs, so that `minmai --help` is quick."""
