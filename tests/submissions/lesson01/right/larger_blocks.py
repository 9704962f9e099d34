# expect: passed
# based-on: solution
# Blocks of 4096 elements and tiles of 8 rows and 512 columns, with eight warps for
# the vectors.
BLOCK = 4096  # elements of a vector that one program works on


BLOCK_M = 8  # rows of a matrix tile


BLOCK_N = 512  # columns of a matrix tile; neighbours in memory, so the long side


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = torch.empty_like(x)
    n = z.numel()
    if n == 0:
        return z  # nothing to compute
    grid = (triton.cdiv(n, BLOCK),)
    add_kernel[grid](z, x, y, n, BLOCK=BLOCK, num_warps=8)
    return z


def saxpy(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = torch.empty_like(x)
    if z.numel() == 0:
        return z
    n = z.numel()
    grid = (triton.cdiv(n, BLOCK),)
    saxpy_kernel[grid](z, a, x, y, n, BLOCK=BLOCK, num_warps=8)
    return z
