# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# unpoliced: failed * exception gpu
# Changes the variables that Python, Triton, CUDA and the grader read.
import os

os.environ.update(
    TRITON_INTERPRET="1",
    TRITON_CACHE_DIR="/nonexistent",
    CUDA_VISIBLE_DEVICES="",
    PYTHONPATH=os.getcwd(),
    LD_PRELOAD="/nonexistent.so",
    GRADER_COURSE=os.getcwd(),
    PYTEST_ADDOPTS="--collect-only",
)
