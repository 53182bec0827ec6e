"""The paper's experiments, one module each: its design and the evidence that decides its claims."""
