# expect: passed
# based-on: solution
# Blocks of 4096 elements and tiles of 32 rows and 256 columns, eight warps each.
BLOCK = 4096  # elements of a vector that one program works on


BLOCK_M = 32  # rows of a matrix tile, all of which share one piece of the bias


BLOCK_N = 256  # columns of a matrix tile; neighbours in memory, so the long side


def add_mul(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    check_alike(x, y, z)
    out = torch.empty_like(x)
    n = out.numel()
    if n == 0:
        return out  # nothing to compute
    add_mul_kernel[(triton.cdiv(n, BLOCK),)](out, x, y, z, n, BLOCK=BLOCK, num_warps=8)
    return out
