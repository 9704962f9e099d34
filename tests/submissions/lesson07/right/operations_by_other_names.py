# expect: passed
# based-on: solution
# Calls what the lesson allows of torch by other names, and counts 1 where nothing is counted.
def launch_cross_entropy(
    logits: torch.Tensor,
    targets: torch.Tensor,
    ignore_index: int,
    label_smoothing: float,
    z_loss: float,
    with_gradient: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    n_rows, n_columns = logits.shape
    losses = torch.empty(n_rows, dtype=torch.float32, device=logits.device)
    gradient = None
    if with_gradient:
        gradient = torch.empty((n_rows, n_columns), dtype=logits.dtype, device=logits.device)
    if n_rows:
        count = targets.not_equal(ignore_index).sum().clamp_min(1)
        cross_entropy_kernel[(n_rows,)](
            losses,
            gradient,
            logits,
            targets,
            count,
            n_columns,
            logits.stride(0),
            ignore_index,
            label_smoothing,
            z_loss,
            SMOOTHING=label_smoothing > 0,
            GRADIENT=with_gradient,
            BLOCK=block_of(n_columns),
            num_warps=LOSS_WARPS,
        )
    return losses.sum(), gradient
