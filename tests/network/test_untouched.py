"""What several threads, odd tensors and ill-behaved networks must not break."""

import threading

import pytest
import torch
from torch import nn

import hyra
from hyra import HyRA
from hyra.network.untouched import lock_of
from hyra.network.wrapper import Network, NetworkError


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


def settings():
    return torch.get_default_dtype(), torch.get_num_threads(), torch.get_float32_matmul_precision()


def test_settings_of_the_process_do_not_leak():
    def net(x):
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(1)
        torch.set_float32_matmul_precision("medium")
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
