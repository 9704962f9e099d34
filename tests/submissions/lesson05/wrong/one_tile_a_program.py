# expect: failed test_persistent_any_size columns-not-written cpu
# expect: failed test_persistent_any_size not-written gpu
# based-on: solution
# matmul_persistent_kernel works on one tile only: the loop over the program's tiles is missing.
@triton.jit
def matmul_persistent_kernel(
    c_desc,
    a_desc,
    b_t_desc,
    M,
    N,
    K,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
):
    tiles_m = tl.cdiv(M, BLOCK_M)
    tiles_n = tl.cdiv(N, BLOCK_N)
    step = tl.num_programs(0)
    for number in tl.range(tl.program_id(0), tl.program_id(0) + 1, step, flatten=True):
        tile_m, tile_n = grouped_tile(number, tiles_m, tiles_n, GROUP_M)
        sums = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for start in range(0, K, BLOCK_K):
            a = a_desc.load([tile_m * BLOCK_M, start])
            b_t = b_t_desc.load([tile_n * BLOCK_N, start])
            sums = tl.dot(a, b_t.T, sums)
        store_in_halves(c_desc, tile_m * BLOCK_M, tile_n * BLOCK_N, sums, BLOCK_M, BLOCK_N)
