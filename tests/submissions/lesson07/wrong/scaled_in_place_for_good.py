# expect: failed test_cross_entropy_backward_twice scaled-twice
# based-on: solution
# The saved gradient is scaled in place and kept: a second backward pass scales it again.
class CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        targets: torch.Tensor,
        ignore_index: int,
        label_smoothing: float,
        z_loss: float,
    ) -> torch.Tensor:
        ctx.save_for_backward(logits, targets)
        ctx.settings = (ignore_index, label_smoothing, z_loss)
        with_gradient = ctx.needs_input_grad[0]
        loss, ctx.gradient = launch_cross_entropy(logits, targets, *ctx.settings, with_gradient)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[Any, ...]:
        logits, targets = ctx.saved_tensors
        gradient = ctx.gradient
        if gradient is None:
            # Backward a second time, with retain_graph: the first time gave the gradient away,
            # and what its new owner did to it is not ours to know. So compute it again.
            _, gradient = launch_cross_entropy(logits, targets, *ctx.settings, True)
        n_rows, n_columns = gradient.shape
        if n_rows:
            scale_kernel[(n_rows,)](
                gradient, upstream, n_columns, BLOCK=block_of(n_columns), num_warps=LOSS_WARPS
            )
        return gradient, None, None, None, None
