# expect: passed
# based-on: solution
# Other block sizes everywhere, and int8 converted as anybody would.
BLOCK_K = 64  # products that are added at a time


def matmul_w8a8(
    a_q: torch.Tensor,
    b_q: torch.Tensor,
    a_scale: torch.Tensor,
    b_scale: torch.Tensor,
    out_dtype: torch.dtype = torch.float16,
) -> torch.Tensor:
    check_rows("a_q", a_q, (torch.int8,))
    check_rows("b_q", b_q, (torch.int8,))
    (M, K), N = a_q.shape, b_q.shape[0]
    if b_q.shape[1] != K:
        raise ValueError(f"rows of {K} elements times rows of {b_q.shape[1]}: must be equal")
    if K > MOST_PRODUCTS:
        raise ValueError(f"K = {K}: sums of more than {MOST_PRODUCTS} can overflow an int32")
    check_scale("a_scale", a_scale, (M,))
    check_scale("b_scale", b_scale, (N,))
    if out_dtype not in FLOAT_TYPES:
        raise TypeError(f"out_dtype {out_dtype} is not supported; use fp32, fp16 or bf16")
    c = torch.empty((M, N), dtype=out_dtype, device=a_q.device)
    if c.numel() == 0:
        return c
    a, b, descriptors = aligned(a_q), aligned(b_q), has_descriptors()
    grid = (triton.cdiv(M, BLOCK_M) * triton.cdiv(N, BLOCK_N),)
    matmul_w8a8_kernel[grid](
        c,
        TensorDescriptor.from_tensor(a, [BLOCK_M, BLOCK_K]) if descriptors else a,
        TensorDescriptor.from_tensor(b, [BLOCK_N, BLOCK_K]) if descriptors else b,
        a_scale,
        b_scale,
        M,
        N,
        a.shape[1],
        a.stride(0),
        b.stride(0),
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        BLOCK_K=BLOCK_K,
        GROUP_M=GROUP_M,
        DESCRIPTORS=descriptors,
        num_warps=4 if descriptors else 8,  # addresses take registers
        num_stages=4,
    )
    return c


@triton.jit
def sums_of_one_row(x_ptr, w_ptr, n, N, K, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    sums = tl.zeros((BLOCK_N, BLOCK_K), dtype=tl.float32)
    for first_k in tl.range(0, K, BLOCK_K, num_stages=4):  # three tiles are under way
        k = first_k + tl.arange(0, BLOCK_K)
        mask = (n[:, None] < N) & (k[None, :] < K)
        w = tl.load(w_ptr + n[:, None] * K + k[None, :], mask=mask, other=0)  # 1 byte each
        x = tl.load(x_ptr + k, mask=k < K, other=0.0).to(tl.float32)  # from the L2 cache
        sums += w.to(tl.float32) * x[None, :]
    totals = tl.sum(sums, axis=1)
    return totals[None, :]


def linear_w8a16(x: torch.Tensor, w_q: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    check_rows("x", x, HALF_TYPES)
    check_rows("w_q", w_q, (torch.int8,))
    (M, K), N = x.shape, w_q.shape[0]
    if w_q.shape[1] != K or not w_q.is_contiguous():
        raise ValueError(f"w_q must be contiguous, of shape (N, {K}), not {tuple(w_q.shape)}")
    check_scale("scale", scale, (N,))
    if M > MOST_ROWS:
        raise ValueError(f"x has {M} rows; {MOST_ROWS} is the most")
    y = torch.empty((M, N), dtype=x.dtype, device=x.device)
    if y.numel() == 0:
        return y
    if M == 1:
        launch = {"BLOCK_M": 1, "BLOCK_N": 4, "BLOCK_K": 1024, "num_warps": 2}
    else:
        launch = {"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_K": 256, "num_warps": 4, "num_stages": 5}
    grid = (triton.cdiv(N, launch["BLOCK_N"]),)
    linear_w8a16_kernel[grid](y, x, w_q, scale, M, N, K, x.stride(0), **launch)
    return y
