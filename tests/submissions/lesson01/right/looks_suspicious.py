# expect: passed
# based-on: solution
# An honest file full of what cheats are made of: caches, streams and exec in names and comments,
# try and except, asserts, prints, a class, and a benchmark of its own that uses PyTorch.
import functools
import time
import warnings

CACHE: dict[tuple[int, ...], tuple[int, ...]] = {}  # grids by shape: no results are cached here
DEBUG = False

# eval("1 + 1"), exec, os.system and sys.modules are only mentioned here; so is __globals__.
HINT = "do not import os; subprocess.run is of no use, and torch.add would be refused"


class Launcher:
    """Holds what a stream of launches has in common."""

    def __init__(self, kernel, block=1024):
        self.kernel, self.block = kernel, block

    def __call__(self, *arguments):
        n = arguments[-1]
        assert n > 0, f"nothing to compute for n = {n}"
        if DEBUG:
            print("launching", self.kernel, "on", arguments[0].device, "id", id(arguments[0]))
        self.kernel[exec_grid(n, self.block)](*arguments, BLOCK=self.block)


@functools.lru_cache(maxsize=None)
def num_sms(device_index):
    """The number of multiprocessors, asked for once."""
    if not torch.cuda.is_available():
        return 1
    return torch.cuda.get_device_properties(device_index).multi_processor_count


def exec_grid(n, block):
    """The grid, remembered by its size."""
    if (n, block) not in CACHE:
        CACHE[n, block] = (triton.cdiv(n, block),)
    return CACHE[n, block]


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = torch.empty_like(x)
    try:
        Launcher(add_kernel)(z, x, y, z.numel())
    except AssertionError as error:
        warnings.warn(str(error), stacklevel=1)
    num_sms(x.device.index or 0)
    return z


def _reference_eval(x, y):
    """What torch says; only used below."""
    return torch.add(x, y)


def _benchmark(n=1 << 20):
    x, y = torch.randn(n, device="cuda"), torch.randn(n, device="cuda")
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    began = time.perf_counter()
    start.record(torch.cuda.current_stream())
    z = add(x, y)
    end.record()
    torch.cuda.synchronize()
    print(f"{start.elapsed_time(end)} ms by events, {time.perf_counter() - began} s by the clock")
    assert torch.allclose(z, _reference_eval(x, y))


if __name__ == "__main__":
    import os
    import sys

    torch.manual_seed(0)
    _benchmark(int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 20)
    print(os.environ.get("CUDA_VISIBLE_DEVICES"), "cached grids:", len(CACHE))
