"""Every example in a docstring runs and prints what it says, those of the ops too."""

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from torch._library.custom_ops import CustomOpDef

import hyra


def modules():
    yield hyra
    for found in pkgutil.walk_packages(hyra.__path__, "hyra."):
        if found.name in ("hyra._native._cpu", "hyra._native._cuda"):
            continue
        try:
            yield importlib.import_module(found.name)
        except ModuleNotFoundError:  # an optional dependency
            continue


def examples() -> Iterator[doctest.DocTest]:
    for module in modules():
        yield from (test for test in doctest.DocTestFinder().find(module) if test.examples)
        for name, op in vars(module).items():  # the finder takes an op for data
            if isinstance(op, CustomOpDef) and op._init_fn.__module__ == module.__name__:
                text = op._init_fn.__doc__ or ""
                test = doctest.DocTestParser().get_doctest(text, vars(module), f"{module.__name__}.{name}", None, 0)
                if test.examples:
                    yield test


@pytest.mark.parametrize("test", list(examples()), ids=lambda test: test.name)
def test_example(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.DocTestRunner(verbose=False).run(test)
    assert results.attempted > 0
    assert results.failed == 0
