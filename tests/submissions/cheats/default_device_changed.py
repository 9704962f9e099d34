# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-call
# unpoliced: grader_error * grader-error
# Lets all tensors that the worker makes lie on a device without memory.
torch.set_default_device("meta")
