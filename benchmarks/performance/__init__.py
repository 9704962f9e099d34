"""Every reference solution beside PyTorch, torch.compile and the best public Triton kernels.

A module ``lessonNN.py`` in this package lists a lesson's operations; nothing else needs to know
of it. Measuring needs an NVIDIA GPU, the table does not:

    python -m benchmarks.performance --json docs/evidence/performance-nvidia-h200.json
    python -m benchmarks.performance.table docs/evidence/performance-*.json > docs/performance.md
"""
