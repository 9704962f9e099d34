# expect: passed cpu
# expect: passed test_matmul_any_size gpu
# expect: passed test_matmul_any_strides gpu
# expect: passed test_grouped_any_size gpu
# expect: passed test_persistent_any_size gpu
# expect: passed test_linear_gelu_any_size gpu
# based-on: solution
# The addresses are computed anew in each step; the number of steps is counted. Larger tiles.
BLOCK_N = 128  # columns of a tile of the result


@triton.jit
def tile_product(
    a_ptr,
    b_ptr,
    rows,
    columns,
    M,
    N,
    K,
    a_row_stride,
    a_k_stride,
    b_k_stride,
    b_column_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    k = tl.arange(0, BLOCK_K)
    sums = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for step in range(tl.cdiv(K, BLOCK_K)):
        now = step * BLOCK_K + k.to(tl.int64)
        in_k = now < K
        a_ptrs = a_ptr + rows[:, None] * a_row_stride + now[None, :] * a_k_stride
        b_ptrs = b_ptr + now[:, None] * b_k_stride + columns[None, :] * b_column_stride
        a = tl.load(a_ptrs, mask=(rows[:, None] < M) & in_k[None, :], other=0.0)
        b = tl.load(b_ptrs, mask=in_k[:, None] & (columns[None, :] < N), other=0.0)
        sums += tl.dot(a, b)
    return sums


def configurations() -> list[triton.Config]:
    sizes = [
        # BLOCK_M, BLOCK_N, BLOCK_K, num_warps, num_stages
        (64, 64, 32, 4, 4),
        (128, 256, 32, 8, 4),
        (128, 256, 64, 8, 3),
    ]
    return [
        triton.Config(
            {"BLOCK_M": block_m, "BLOCK_N": block_n, "BLOCK_K": block_k, "GROUP_M": 8},
            num_warps=warps,
            num_stages=stages,
        )
        for block_m, block_n, block_k, warps, stages in sizes
    ]
