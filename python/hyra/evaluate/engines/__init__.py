"""Where the work is done: on threads of this process, in processes of this machine, or by Ray."""
