"""The compiled modules, and everything that makes a call of them safe.

`modules` finds them, `threads` says how many threads they may use, `kernels.call` is the only place that takes an
address of a tensor, `declaration` is what an op demands of its arguments, `dispatch` says whether anything but a kernel
is on the way of a call, and `op` makes a torch op of a function and its declaration.
"""
