# expect: passed
# based-on: solution
# Clamps before it rounds, and adds up the products of each step at once.
@triton.jit
def quantize_rowwise_kernel(q_ptr, scale_ptr, x_ptr, n_columns, x_row_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    mask = columns < n_columns
    x = tl.load(x_ptr + row * x_row_stride + columns, mask=mask, other=0.0).to(tl.float32)

    largest = tl.max(tl.abs(x), axis=0)
    scale = tl.where(largest == 0.0, 1.0, tl.div_rn(largest, 127.0))

    codes = divide_by_one_number(x, scale)
    codes = round_half_to_even(tl.clamp(codes, -127.0, 127.0))
    tl.store(q_ptr + row * n_columns + columns, codes.to(tl.int8), mask=mask)
    tl.store(scale_ptr + row, scale)


@triton.jit
def sums_of_one_row(x_ptr, w_ptr, n, N, K, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    totals = tl.zeros((BLOCK_N,), dtype=tl.float32)
    for first_k in tl.range(0, K, BLOCK_K, num_stages=4):  # three tiles are under way
        k = first_k + tl.arange(0, BLOCK_K)
        mask = (n[:, None] < N) & (k[None, :] < K)
        w = tl.load(w_ptr + n[:, None] * K + k[None, :], mask=mask, other=0)  # 1 byte each
        x = tl.load(x_ptr + k, mask=k < K, other=0.0).to(tl.float32)  # from the L2 cache
        totals += tl.sum(int_to_fp32(w) * x[None, :], axis=1)
    return totals[None, :]
