"""What several threads, odd tensors and ill-behaved networks must not break."""

import threading

import pytest
import torch
from torch import nn

import hyra
from hyra import HyRA
from hyra.network.forward import NetworkError
from hyra.network.untouched import lock_of
from hyra.network.wrapper import Network


def net_in_training():
    torch.manual_seed(1)
    layers = (nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.Dropout(0.5), nn.PixelShuffle(2))
    net = nn.Sequential(*layers).train()
    net[1].running_mean += torch.rand(12)
    return net


def in_threads(count, job):
    results, start = [None] * count, threading.Barrier(count)

    def work(index):
        start.wait()
        for _ in range(3):
            results[index] = job(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("shared", ["network", "wrapper"])
def test_eight_threads_on_one_network_find_what_one_does(shared):
    net = net_in_training()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    random_state = torch.get_rng_state()
    models = [HyRA(net)] * 8 if shared == "wrapper" else [HyRA(net) for _ in range(8)]
    alone = HyRA(net).impulse_response(12, form="affine").response
    for response in in_threads(8, lambda i: models[i].impulse_response(12, form="affine").response):
        assert torch.equal(response, alone)
    assert all(part.training for part in net.modules())
    assert all(torch.equal(net.state_dict()[name], value) for name, value in state.items())
    assert torch.equal(torch.get_rng_state(), random_state)


def test_threads_on_different_networks_leave_the_random_state():
    random_state = torch.get_rng_state()

    def draws(x):
        return x + 0 * torch.rand(1)

    for _ in range(20):
        in_threads(8, lambda _: Network(draws)(torch.zeros(1, 3, 8, 8)))
    assert torch.equal(torch.get_rng_state(), random_state)


class Buffered(nn.Module):
    """Its buffer has a layout without an address, and may be written to."""

    def __init__(self, buffer, write=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.register_buffer("buffer", buffer)
        self.write = write

    def forward(self, x):
        if self.write:
            self.buffer = (self.buffer.to_dense() * 2).to_sparse()
        return self.conv(x)


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("kind", ["sparse", "csr", "mkldnn"])
def test_buffers_without_an_address(kind, write):
    if kind == "mkldnn" and not torch.backends.mkldnn.is_available():
        pytest.skip("torch was built without MKLDNN")
    dense = torch.eye(4)
    buffer = {"sparse": torch.Tensor.to_sparse, "csr": torch.Tensor.to_sparse_csr, "mkldnn": torch.Tensor.to_mkldnn}
    net = Buffered(buffer[kind](dense), write)
    model = HyRA(net)
    model.impulse_response(8, form="affine")
    model.probe(canvas=24)
    assert torch.equal(net.buffer.to_dense(), dense)


def quantized_by_float_zero_points():
    return torch.quantize_per_channel(torch.ones(3, 2), torch.ones(3), torch.zeros(3), 0, torch.quint8)


def nested(layout):
    return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=layout)


@pytest.mark.filterwarnings("ignore")  # what torch says of prototypes
@pytest.mark.parametrize(
    "buffer",
    [
        quantized_by_float_zero_points,
        lambda: nested(torch.strided),
        lambda: nested(torch.jagged),
        lambda: torch.ones(3, dtype=torch.complex32),
        lambda: torch.ones(3, dtype=torch.complex64).conj(),
        lambda: torch.ones(3, dtype=torch.complex64).conj().imag,
    ],
)
def test_buffers_of_rare_kinds_are_no_reason_to_stop(buffer):
    net = nn.Conv2d(3, 3, 3, padding=1)
    net.register_buffer("rare", buffer())
    response = HyRA(net).probe(canvas=24).mean.response
    del net.rare
    assert torch.equal(response, HyRA(net).probe(canvas=24).mean.response)


class Rebuilding(nn.Conv2d):
    """Registers, resizes, frees and replaces in `forward` what a network has no business to."""

    def __init__(self):
        super().__init__(3, 3, 3, padding=1)
        self.register_buffer("mask", None)
        self.register_buffer("table", torch.ones(4))
        self.register_buffer("freed", torch.arange(100.0))
        self.ready = False

    def forward(self, x):
        if not self.ready:
            self.ready, self.mask = True, torch.ones(2)
            self.register_buffer("late", torch.ones(3))
            self.part = nn.BatchNorm2d(3)
        self.table.resize_(6, 2).fill_(7)
        self.freed.untyped_storage().resize_(0)
        self.weight.requires_grad_(False)
        return super().forward(x) * self.mask[0] * self.late[0]


def test_a_network_has_no_more_and_no_fewer_members_than_before():
    net = Rebuilding()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for _ in range(2):
        HyRA(net).impulse_response(8)
    after = net.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert (net.mask, net.ready, list(net.children()), net.weight.requires_grad) == (None, False, [], True)


def test_a_frozen_program_has_no_training_flag():
    layers = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2)).eval()
    frozen = torch.jit.freeze(torch.jit.script(layers))
    assert torch.equal(HyRA(frozen).impulse_response(8).response, HyRA(layers).impulse_response(8).response)


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("has no words")


LONG = RuntimeError("x" * 10_000 + "\nthe end")


@pytest.mark.parametrize("error", [ValueError("one\n  two\x1b[31m"), Silent(), LONG])
def test_what_a_network_raises_is_told_on_one_line(error):
    def net(x):
        raise error

    with pytest.raises(NetworkError, match="the network raised") as raised:
        HyRA(net).impulse_response(8)
    text = str(raised.value)
    assert text.isprintable()
    assert len(text) < 800
    assert error is not LONG or "the end" in text


def settings():
    return (
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        torch.get_default_device(),
        torch.is_anomaly_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.mkldnn.enabled,
    )


def test_settings_of_the_process_do_not_leak():
    def net(x):
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(1)
        torch.set_float32_matmul_precision("medium")
        torch.set_default_device("meta")
        torch.autograd.set_detect_anomaly(True)
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
        torch.backends.mkldnn.enabled = not torch.backends.mkldnn.enabled
        return x

    torch.set_num_threads(2)
    before = settings()
    HyRA(net).decompose(torch.rand(3, 8, 8))
    assert settings() == before


def test_lazy_and_meta_parameters_are_one_sentence():
    for net, reason in (
        (nn.LazyConv2d(3, 3), "not initialised"),
        (nn.Conv2d(3, 3, 3, device="meta"), "on the meta device"),
    ):
        with pytest.raises(NetworkError, match=f"the network's weight is {reason}") as raised:
            HyRA(net).impulse_response(8)
        assert "\n" not in str(raised.value)


def holds_itself(x):
    outputs = [x]
    outputs.append(outputs)
    return outputs


def test_a_list_that_contains_itself():
    assert Network(holds_itself)(torch.ones(1, 3, 4, 4)).shape == (1, 3, 4, 4)


def deep(x):
    outputs = [x]
    for _ in range(5000):
        outputs = [outputs]
    return outputs


def doubled(x):
    others = [torch.zeros(3)]
    for _ in range(40):  # 2^40 ways down
        others = [others, others]
    return [x, others]


@pytest.mark.parametrize("net", [deep, doubled])
def test_deep_and_doubled_lists(net):
    assert Network(net)(torch.ones(1, 3, 4, 4)).shape == (1, 3, 4, 4)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (lambda x: x.to_sparse(), "sparse"),
        (lambda x: x.to_mkldnn(), "MKLDNN"),
        (lambda x: torch.complex(x, x), "complex"),
        (lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.quint8), "quantised"),
        (lambda x: (x * 255).to(torch.uint8), "uint8"),
        (lambda x: x > 0.5, "bool"),
    ],
)
def test_outputs_that_are_no_image_with_a_known_white(net, message):
    with pytest.raises(TypeError, match=message) as raised:
        hyra.HyRA(net).decompose(torch.rand(3, 8, 8))
    assert "\n" not in str(raised.value)


def test_integers_count_in_units_of_the_networks_white():
    lr = torch.rand(3, 8, 8)
    split = HyRA(lambda x: x.round().to(torch.uint8), input_range=255).decompose(lr)
    assert (split.output - lr).abs().max() <= 0.5 / 255 + 1e-6


def test_a_module_without_parts_has_a_lock_of_its_own():
    net = nn.Sequential()  # which has the length 0
    with Network(net).untouched():
        taken = in_threads(1, lambda _: lock_of(net).acquire(blocking=False))
    assert taken == [False]
