"""The sandbox: foreign files are read by child processes that can do no harm."""
