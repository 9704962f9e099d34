# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: refused * tampered
# Replaces the worker's search for stores outside of tensors, and its poison, by nothing.
import sys

memory = sys.modules["grader.worker.memory"]
memory.GuardedMemory.violations = lambda self: []
memory.GuardedMemory.allocate = lambda self, like: torch.zeros_like(like)
