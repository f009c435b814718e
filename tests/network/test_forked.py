"""A forked child probes a network that another thread of its parent held at the time."""

from __future__ import annotations

import forking

pytestmark = forking.needs_fork

HELD = """
import os, threading, warnings
import torch, hyra
warnings.simplefilter("ignore")
net = torch.nn.Conv2d(3, 3, 3, padding=1)
model = hyra.HyRA(net)
expected = model.impulse_response(9).response
inside, over = threading.Event(), threading.Event()

def probe_slowly(*_):
    inside.set()
    over.wait()

def hold():
    handle = net.register_forward_pre_hook(probe_slowly)
    model.impulse_response(9)

thread = threading.Thread(target=hold)
thread.start()
inside.wait()
child = os.fork()
if child == 0:
    net._forward_pre_hooks.clear()  # and not over.set(): the thread may have been at the lock of that event
    os._exit(0 if torch.equal(model.impulse_response(9).response, expected) else 1)
status = os.waitpid(child, 0)[1]
over.set()
thread.join()
print(os.waitstatus_to_exitcode(status))
"""


def test_while_another_thread_holds_the_network():
    assert forking.printed_by(HELD).strip() == "0"
