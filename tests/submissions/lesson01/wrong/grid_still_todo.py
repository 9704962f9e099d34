# expect: failed test_saxpy_any_length todo-left
# based-on: solution
# The kernel of saxpy is written, its launch is not.
def saxpy(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = torch.empty_like(x)
    if z.numel() == 0:
        return z
    raise NotImplementedError("TODO 6")
    return z
