"""`minmai push`: an agency's files to ingest, over HTTP.

`sources` finds the files and their streams, `batches` cuts them into requests, `gateway` sends a request
until it is answered, `state` keeps how far a file has come, `refused` writes down what was refused, `display`
tells the person or says nothing, `sender` puts these together for one file and `command` for a call.
"""
