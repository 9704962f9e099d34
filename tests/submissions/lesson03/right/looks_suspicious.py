# expect: passed
# based-on: solution
# An honest file that compares itself with PyTorch when run by hand, and prints while it works.
import math

SEEN_SHAPES = set()  # only counted, to see how often Triton compiles


def softmax(x: torch.Tensor) -> torch.Tensor:
    check_matrix(x)
    check_row_fits(x)
    SEEN_SHAPES.add(tuple(x.shape))
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    if math.prod(x.shape) > 0:
        launch_softmax(y, x)
    if len(SEEN_SHAPES) == 1:
        print("first softmax of", x.shape, "at", hex(x.data_ptr()))
    return y


def test_softmax(device="cpu"):
    """For pytest; the grader does not run it."""
    torch.manual_seed(1)
    x = torch.randn(5, 7, device=device)
    torch.testing.assert_close(softmax(x), torch.softmax(x, dim=-1))


if __name__ == "__main__":
    from triton.testing import do_bench

    test_softmax("cuda")
    x = torch.randn(4096, 4096, device="cuda")
    torch.set_float32_matmul_precision("high")
    for name, function in (("torch", torch.nn.functional.softmax), ("own", softmax)):
        print(name, do_bench(lambda f=function: f(x)), "ms")
