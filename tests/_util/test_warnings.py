"""Warnings that are kept to be told again: those that a user can act on."""

import warnings

from hyra._util.warnings import recorded, warn


def test_what_is_going_out_of_use_in_a_networks_code_is_no_finding():
    with recorded() as caught:
        for kind in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.warn("'saved_variables' is deprecated; use 'saved_tensors'", kind, stacklevel=1)
        warn("the response explodes", RuntimeWarning)
    assert [str(each.message) for each in caught] == ["the response explodes"]
