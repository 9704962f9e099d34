# expect: failed test_logprob_any_vocabulary mean-instead-of-sum
# based-on: solution
# sum_positions_kernel gives the mean over the counted positions, as a loss of pretraining has it.
@triton.jit
def sum_positions_kernel(out_ptr, logprob_ptr, n_positions, BLOCK: tl.constexpr):
    sequence = tl.program_id(0).to(tl.int64)
    total = tl.zeros([BLOCK], tl.float32)
    counted = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_positions, BLOCK):
        positions = start + tl.arange(0, BLOCK)
        inside = positions < n_positions
        each = tl.load(logprob_ptr + sequence * n_positions + positions, mask=inside, other=0.0)
        total += each
        counted += (each != 0.0).to(tl.float32)
    tl.store(out_ptr + sequence, tl.sum(total, axis=0) / tl.sum(counted, axis=0))
