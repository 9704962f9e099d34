# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-call
# unpoliced: failed * wrong-value
# Changes what torch computes with: precision, threads, default type and device.
torch.set_float32_matmul_precision("medium")
torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = True
torch.backends.cudnn.benchmark = True
torch.set_default_dtype(torch.float16)
torch.set_num_threads(1)
