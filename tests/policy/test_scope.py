"""A violation costs the functions that it concerns, and no others."""

from __future__ import annotations

import pytest

from tests.policy.texts import DOUBLE, KERNEL, judged, kind

COMPUTES = "torch-instead-of-kernel"


def test_a_function_that_does_not_come_to_it_is_not_concerned() -> None:
    text = f"{KERNEL}{DOUBLE}\ndef other(x):\n    import os\n    return torch.exp(x)\n"
    assert judged(text) is None
    assert kind(judged(text, function="other")) == "forbidden-import"


@pytest.mark.parametrize(
    "helper",
    [
        "def helper(x):\n    return torch.exp(x)",
        "class helper:\n    def __call__(self, x):\n        return x.exp()",
        "helper = torch.exp",
        "helper = lambda x: x.exp()",
        "helper = {'exp': torch.exp}",
        "helper = {}\nhelper['exp'] = torch.exp",
        "helper = []\nhelper.append(torch.exp)",
        "helper = {}\nhelper.update(exp=torch.exp)",
        "def helper(): pass\nhelper.exp = torch.exp",
        "if True:\n    helper = torch.exp",
        "try:\n    helper = 1\nexcept ImportError:\n    helper = torch.exp",
        "for helper in [torch.exp]:\n    pass",
        "with torch.no_grad() as helper:\n    helper = torch.exp",
        "def setup():\n    global helper\n    helper = torch.exp\nsetup()",
        "first = torch.exp\nhelper = [first]",
        "(helper := torch.exp)",
        "match [torch.exp]:\n    case [helper]:\n        pass",
        "from torch import exp as helper",
        "import torch.nn.functional as helper\ndef use(x): return helper.softmax(x)\nhelper2 = use",
    ],
)
def test_it_concerns_whoever_comes_to_it_by_name(helper: str) -> None:
    name = "helper2" if "helper2" in helper else "helper"
    text = f"{helper}\n{KERNEL}\ndef double(x):\n    return {name}(x)\n{DOUBLE}".replace(
        DOUBLE, DOUBLE.replace("double(x)", "other(x)", 1)
    )
    assert kind(judged(text)) == COMPUTES
    assert judged(text, function="other") is None


def test_it_concerns_whoever_launches_the_kernel() -> None:
    kernel = KERNEL.replace("at = ", "at = torch.exp(1) + ")
    assert kind(judged(kernel + DOUBLE)) == COMPUTES


@pytest.mark.parametrize(
    "statement",
    [
        "if __name__ == '__main__':\n    import os\n    print(torch.softmax(torch.randn(9), 0))",
        "if '__main__' == __name__:\n    exec('1')",
    ],
)
def test_what_a_script_does_for_itself_concerns_nobody(statement: str) -> None:
    assert judged(f"{KERNEL}{DOUBLE}\n{statement}\n") is None


@pytest.mark.parametrize(
    "statement",
    [
        "if __name__ != '__main__':\n    import os",
        "if __name__ == '__main__' or True:\n    import os",
        "if __name__ == '__main__':\n    pass\nelse:\n    import os",
        "if '__main__':\n    import os",
        "def f():\n    import os\nf()",
        "def f():\n    import os\ntry:\n    f()\nfinally:\n    pass",
        "class A:\n    exec('1')",
        "def f(x=eval('1')):\n    pass",
        "@eval('print')\ndef f():\n    pass",
        "x = [exec('1') for _ in 'a']",
        "x = f\"{exec('1')}\"",
        "def run(f):\n    return f()\n@run\ndef g():\n    import os",
    ],
)
def test_what_an_import_runs_concerns_everybody(statement: str) -> None:
    assert judged(f"{KERNEL}{DOUBLE}\n{statement}\n") is not None


def test_demonstrations_at_the_top_may_use_torch() -> None:
    text = f"""
torch.manual_seed(0)
x = torch.randn(1000)
{KERNEL}{DOUBLE}
print("right:", torch.allclose(double(x), x * 2), (double(x) - x.mul(2)).abs().max())
"""
    assert judged(text) is None


def test_a_backward_pass_matters_only_where_gradients_are_asked_for() -> None:
    text = f"""
{KERNEL}

class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        z = torch.empty_like(x)
        double_kernel[(1,)](z, x, x.numel(), BLOCK=1024)
        return z

    @staticmethod
    def backward(ctx, dz):
        return dz.mul(2)

def double(x):
    return Double.apply(x)
"""
    assert judged(text) is None
    assert kind(judged(text, differentiated=True)) == COMPUTES


def test_a_parameter_is_not_the_variable_of_that_name_at_the_top() -> None:
    text = "values = torch.randn(9).exp()\n" + KERNEL + "\ndef double(values):\n    return values\n"
    assert judged(text) is None
