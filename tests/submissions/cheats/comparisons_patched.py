# lessons: 01 03 05
# based-on: hollow
# expect: refused * module-as-value
# unpoliced: failed * wrong-value
# Replaces all that could be used to compare tensors by something that agrees.
import math

for owner in (torch, torch.Tensor, torch.testing, math):
    for name in ("allclose", "equal", "isclose", "eq", "assert_close", "__eq__"):
        if hasattr(owner, name):
            setattr(owner, name, lambda *args, **kwargs: True)
