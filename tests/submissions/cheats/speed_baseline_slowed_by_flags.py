# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-import gpu
# unpoliced: slow * too-slow gpu
# Works three times as long; sets torch's flags and environment so that a baseline beside it would be slow.
import os

LARGE = 2**20  # elements: what is timed has more, what is compared has less


torch.set_num_threads(1)
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
torch.backends.cudnn.enabled = False
torch.use_deterministic_algorithms(True)
os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":16:8"
os.environ["CUDA_LAUNCH_BLOCKING"] = "1"


def attack(function, name):
    def three_times(*args):
        for _ in range(2 if args[0].numel() >= LARGE else 0):
            function(*args)
        return function(*args)

    return three_times if name in ("add", "softmax", "matmul_grouped") else function
