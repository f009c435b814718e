"""Where the work is done: on threads of this process, or by Ray."""
