# expect: failed test_cross_entropy_gradient output-aliases-input
# based-on: solution
# The gradient is written over the logits, to save memory.
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
        gradient = logits.detach()
    if n_rows:
        count = (targets != ignore_index).sum()  # stays on the GPU: nobody waits for it
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
