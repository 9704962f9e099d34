# expect: passed
# based-on: solution
# Ignored rows take the same way as the others, and a select leaves nothing of them. Trains with torch.optim.SGD.
@triton.jit
def cross_entropy_kernel(
    loss_ptr,
    gradient_ptr,
    logits_ptr,
    targets_ptr,
    count_ptr,
    n_columns,
    logits_row_stride,
    ignore_index,
    label_smoothing,
    z_loss,
    SMOOTHING: tl.constexpr,
    GRADIENT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    logits_ptr += row * logits_row_stride
    if GRADIENT:
        gradient_ptr += row * n_columns
    target = tl.load(targets_ptr + row)
    n_counted = tl.maximum(tl.load(count_ptr), 1).to(tl.float32)

    counted = target != ignore_index

    lse, total = row_statistics(logits_ptr, n_columns, BLOCK)

    x_target = tl.load(logits_ptr + target, mask=counted, other=0.0).to(tl.float32)
    loss = lse - (1 - label_smoothing) * x_target
    if SMOOTHING:
        loss -= label_smoothing / n_columns * total
    loss += z_loss * lse * lse
    tl.store(loss_ptr + row, tl.where(counted, loss / n_counted, 0.0))

    if GRADIENT:
        p_factor = (1 + 2 * z_loss * lse) / n_counted
        elsewhere = label_smoothing / n_columns / n_counted
        at_target = elsewhere + (1 - label_smoothing) / n_counted
        n_blocks = tl.cdiv(n_columns, BLOCK)
        for block in range(0, n_blocks):
            columns = (n_blocks - 1 - block) * BLOCK + tl.arange(0, BLOCK)  # from the end
            mask = columns < n_columns
            # Neither what is read now nor what is written is wanted again: out of the cache first.
            x = tl.load(logits_ptr + columns, mask=mask, eviction_policy="evict_first")
            p = tl.exp2(x.to(tl.float32) * LOG2_E - lse * LOG2_E)
            subtrahend = tl.where(columns == target, at_target, elsewhere)
            gradient = tl.where(counted, p_factor * p - subtrahend, 0.0)
            tl.store(gradient_ptr + columns, gradient, mask=mask, eviction_policy="evict_first")


def train(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    parameters: Parameters,
    n_steps: int,
    batch_size: int,
    learning_rate: float,
) -> Parameters:
    trained = tuple(parameter.clone().requires_grad_() for parameter in parameters)
    optimizer = torch.optim.SGD(trained, lr=learning_rate, foreach=True)  # the default on a GPU
    n_batches = inputs.shape[0] // batch_size
    for step in range(n_steps):
        first = step % n_batches * batch_size
        optimizer.zero_grad()
        logits = classify(inputs[first : first + batch_size], trained)
        cross_entropy(logits, targets[first : first + batch_size]).backward()
        optimizer.step()
    return tuple(parameter.detach() for parameter in trained)
