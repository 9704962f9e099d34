# expect: passed
# based-on: solution
# grouped_tile makes groups of columns instead of rows of tiles, and other tile sizes are tried.
@triton.jit
def grouped_tile(number, tiles_m, tiles_n, GROUP_M: tl.constexpr):
    first = number // (GROUP_M * tiles_m) * GROUP_M  # first column of tiles of this group
    width = min(tiles_n - first, GROUP_M)
    within = number % (GROUP_M * tiles_m)
    return within // width, first + within % width


def configurations() -> list[triton.Config]:
    sizes = [
        # BLOCK_M, BLOCK_N, BLOCK_K, num_warps, num_stages
        (32, 32, 32, 4, 2),
        (128, 256, 64, 8, 3),
        (128, 256, 64, 8, 4),
    ]
    return [
        triton.Config(
            {"BLOCK_M": block_m, "BLOCK_N": block_n, "BLOCK_K": block_k, "GROUP_M": 8},
            num_warps=warps,
            num_stages=stages,
        )
        for block_m, block_n, block_k, warps, stages in sizes
    ]
