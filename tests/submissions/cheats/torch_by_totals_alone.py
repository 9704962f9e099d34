# lessons: 07
# based-on: hollow
# attacks: test_cross_entropy_loss
# expect: refused * torch-instead-of-kernel|result-not-from-kernel
# unpoliced: refused * torch-instead-of-kernel
# Computes the loss by sum, div, eq and clamp, which lesson 7 allows for totals and counts.
TERMS = 16
HALVINGS = 10  # exp(x) is exp(x / 1024) ** 1024


def plus(*terms):
    return torch.stack(torch.broadcast_tensors(*terms)).sum(0)


def minus(a, b):
    return plus(a, b / -1.0)


def times(a, b):
    a, b = torch.broadcast_tensors(a, b)
    return a / torch.div(torch.ones_like(b), b)


def exp(x):
    x = torch.clamp(x, -700.0, 700.0) / 2.0**HALVINGS
    terms = [torch.ones_like(x)]
    for k in range(1, TERMS):
        terms.append(times(terms[-1], x) / float(k))
    y = plus(*terms)
    for _ in range(HALVINGS):
        y = times(y, y)
    return y


def log(s):
    y = torch.zeros_like(s)
    for _ in range(14):  # Halley's method
        e = exp(y)
        y = plus(y, minus(s, e) / plus(s, e) / 0.5)
    return y


def loss_of(logits, targets, ignore_index, smoothing, z_loss):
    x = torch.clamp(logits.to(torch.float64), -1e30, 1e30)
    counted = targets.ne(ignore_index).to(torch.float64)
    lse = log(exp(x).sum(1))
    hot = torch.eq(torch.arange(x.shape[1], device=x.device), targets[:, None]).to(torch.float64)
    wanted = times(hot, x).sum(1) / (1 / (1 - smoothing) if smoothing < 1 else float("inf"))
    loss = minus(lse, wanted)
    if smoothing:
        loss = minus(loss, x.mean(1) / (1 / smoothing))
    if z_loss:
        loss = plus(loss, times(lse, lse) / (1 / z_loss))
    return times(loss, counted).sum() / torch.clamp(counted.sum(), min=1.0)


def attack(function, name):
    def by_totals(logits, targets, ignore_index=-100, label_smoothing=0.0, z_loss=0.0):
        loss = loss_of(logits, targets, ignore_index, label_smoothing, z_loss).to(torch.float32)
        return through([cross_entropy_kernel], loss.reshape(1))[0]

    return by_totals if name == "cross_entropy" else function
