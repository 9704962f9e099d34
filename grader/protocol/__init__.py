"""The wire between judge and worker: JSON frames, tensors in shared host memory, no pickle.

Both sides import this package, so it must stay free of anything that only one may know.
"""
