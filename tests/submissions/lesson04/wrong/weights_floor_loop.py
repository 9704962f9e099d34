# expect: failed test_linear_any_size wrong-value
# based-on: solution
# sums_of_one_row leaves out the last products where K is no multiple of BLOCK_K.
@triton.jit
def sums_of_one_row(x_ptr, w_ptr, n, N, K, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    sums = tl.zeros((BLOCK_N, BLOCK_K), dtype=tl.float32)
    for first_k in tl.range(
        0, K // BLOCK_K * BLOCK_K, BLOCK_K, num_stages=4
    ):  # three tiles are under way
        k = first_k + tl.arange(0, BLOCK_K)
        mask = (n[:, None] < N) & (k[None, :] < K)
        w = tl.load(w_ptr + n[:, None] * K + k[None, :], mask=mask, other=0)  # 1 byte each
        x = tl.load(x_ptr + k, mask=k < K, other=0.0).to(tl.float32)  # from the L2 cache
        sums += int_to_fp32(w) * x[None, :]
    totals = tl.sum(sums, axis=1)
    return totals[None, :]
