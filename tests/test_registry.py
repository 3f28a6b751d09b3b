"""NumPy's functions are found in the modules that the table names."""

from importlib import import_module

import numpy as np
import pytest

import pmap as pm
from pmap.registry import FUNCTIONS, HOMES, numpy_name


def test_the_table_names_what_each_module_registers():
    for module in HOMES:
        import_module(f"pmap.{module}")
    registered = {}
    for function, meaning in FUNCTIONS.items():
        home = meaning.__module__.removeprefix("pmap.")
        registered.setdefault(home, set()).add(numpy_name(function))
    assert registered == {module: set(names.split()) for module, names in HOMES.items()}


def test_a_function_that_is_not_there_is_named():
    with pytest.raises(TypeError, match=r"np\.busday_count is not there"):
        np.busday_count(pm.zeros(3, map=pm.Map([1])), 1)
