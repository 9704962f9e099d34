# lessons: 02
# based-on: hollow
# attacks: test_dropout_mask test_dropout_backward
# expect: refused * torch-instead-of-kernel
# unpoliced: refused test_dropout_mask torch-instead-of-kernel
# unpoliced: failed test_dropout_backward another-mask
# Drops elements by torch's own random numbers, with the seed that was given.
def attack(function, name):
    def dropped(x, p, seed):
        torch.manual_seed(seed)
        kept = torch.rand(x.shape, device=x.device) >= p
        return through(KERNELS[name], (x * kept / (1 - p)).to(x.dtype))

    return dropped if "dropout" in name else function
